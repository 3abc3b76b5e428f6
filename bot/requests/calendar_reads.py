"""Reads the calendars of schedules every 15 minutes, and keeps the last good copy of each."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from bot.domain.calendar import (
    AHEAD,
    BEHIND,
    PENDING_FOR,
    CalendarCopy,
    CalendarEvent,
    CalendarProblem,
    CalendarUnreadable,
    PendingCalendar,
    SavedCalendar,
    shifts_of,
)
from bot.domain.on_call_setup import SavedSchedule, calendar_copy, name_key
from bot.domain.permission import UnknownFact
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import Target, TargetKind, UserId
from bot.ports.calendar_feed import CalendarFeed
from bot.ports.chat import ChatAway
from bot.ports.clock import Clock
from bot.ports.conversations import DirectConversations
from bot.ports.people import PeopleLookup
from bot.ports.telemetry import emit
from bot.ports.telemetry.requests import CalendarNotRead
from bot.requests.setup_changes import SetupChanges, SetupPlan

AT_ONCE = 4  # a slow calendar delays few others
MOST_PEOPLE = 200
PROPOSE_SECONDS = 18.0  # less than the inbox gives a command


class CalendarReads:
    """`refresh` runs in the bot that leads. `read` also serves a command that names a calendar."""

    def __init__(
        self,
        *,
        changes: SetupChanges,
        feed: CalendarFeed,
        people: PeopleLookup,
        conversations: DirectConversations,
        clock: Clock,
    ) -> None:
        self._changes = changes
        self._feed = feed
        self._people = people
        self._conversations = conversations
        self._clock = clock

    async def refresh(self) -> None:
        """Reads each calendar whose time has come. Removes the copies that no schedule needs.

        Raises:
            StoreAway: a part is done. The next call does the rest.
        """
        now, setup = self._clock.now(), self._changes.setup
        due = [saved for saved in setup.all(SavedSchedule) if _is_due(setup, saved, now)]
        if due or _unused(setup, now):
            free = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as tasks:
                reads = [tasks.create_task(self._read_in_turn(saved, free), name="read a calendar") for saved in due]
            copies = [copy for read in reads if (copy := read.result())]
            await self._changes.write(lambda current, at: _stored(current, copies, at), by=None)

    async def _read_in_turn(self, saved: SavedSchedule, free: asyncio.Semaphore) -> CalendarCopy | None:
        async with free:
            return await self.read(saved)

    async def propose(self, name: str, calendar: SavedCalendar, by: UserId, by_name: str) -> PendingCalendar:
        """Reads a calendar that a person wants to follow, within the time that a person waits. Stores nothing.

        Raises:
            CalendarUnreadable
        """
        schedule = name_key(name)
        try:
            async with asyncio.timeout(PROPOSE_SECONDS):
                copy = await self._read(schedule, calendar)
        except TimeoutError:
            raise CalendarUnreadable(CalendarProblem.TOO_SLOW) from None
        return PendingCalendar(
            schedule=name, calendar=calendar, copy=copy, made_by=by, made_by_name=by_name, made_at=self._clock.now()
        )

    def proposed(self, by: UserId, token: str) -> PendingCalendar | None:
        """The calendar that this person asked for. None: somebody else did, or it is too long ago."""
        pending = self._changes.setup.get(PendingCalendar, by)
        fresh = pending is not None and self._clock.now() - pending.made_at <= PENDING_FOR
        return pending if fresh and pending and pending.token == token else None

    async def read(self, saved: SavedSchedule) -> CalendarCopy | None:
        """Reads the schedule's calendar now, and stores nothing. None: it has no calendar.

        After a failed read, it returns the last good copy with the problem.
        """
        if saved.calendar is None:
            return None
        before = calendar_copy(self._changes.setup, saved)
        try:
            return await self._read(saved.id, saved.calendar)
        except CalendarUnreadable as exc:
            problem, host = exc.problem, saved.calendar.address.host
            emit(CalendarNotRead(schedule=saved.name, host=host, problem=problem.value))
            fingerprint, now = saved.calendar.address.fingerprint, self._clock.now()
            return (before or CalendarCopy(schedule=saved.id, fingerprint=fingerprint, made_at=now)).failed(
                problem, now
            )

    async def _read(self, schedule: str, calendar: SavedCalendar) -> CalendarCopy:
        """
        Raises:
            CalendarUnreadable
        """
        now = self._clock.now()
        found = await self._feed.events(calendar.address, now - BEHIND, now + AHEAD, calendar.zone)
        people, lacks_scope = await self._people_of(found.events)
        shifts, nameless = shifts_of(found.events, people)
        on_call = {person for shift in shifts for person in shift.people}
        return CalendarCopy(
            schedule=schedule,
            fingerprint=calendar.address.fingerprint,
            made_at=now,
            read_at=now,
            shifts=shifts,
            people=await self._with_conversations(people.values(), on_call),
            nameless=nameless,
            lacks_scope=lacks_scope,
            incomplete=not found.complete,
        )

    async def _people_of(self, events: Iterable[CalendarEvent]) -> tuple[dict[str, Target | None], bool]:
        """The person of each mention and e-mail, and whether the bot lacks the scope to look up an e-mail.

        Raises:
            CalendarUnreadable: Slack does not say now, or they are too many.
        """
        events = tuple(events)
        mentions = dict.fromkeys(user for event in events for user in event.mentioned)
        emails = dict.fromkeys(email for event in events for email in event.emails)
        if len(mentions) + len(emails) > MOST_PEOPLE:
            raise CalendarUnreadable(CalendarProblem.TOO_MUCH)
        people: dict[str, Target | None] = {}
        lacks_scope = False
        for user in mentions:
            found = await self._people.member(user)
            people[user] = Target(kind=TargetKind.USER, id=user) if found is UnknownFact.NO_SCOPE else _known(found)
        for email in emails:
            found = await self._people.with_email(email)
            lacks_scope |= found is UnknownFact.NO_SCOPE
            people[email] = None if found is UnknownFact.NO_SCOPE else _known(found)
        return people, lacks_scope

    async def _with_conversations(
        self, people: Iterable[Target | None], on_call: Collection[UserId]
    ) -> tuple[Target, ...]:
        """The people of the shifts, each with the conversation for a page.

        Raises:
            CalendarUnreadable: Slack does not say now.
        """
        by_id = {person.id: person for person in people if person and person.id in on_call}
        try:
            return tuple(
                [
                    replace(by_id[person], direct=await self._conversations.direct(UserId(person)))
                    for person in sorted(by_id)
                ]
            )
        except ChatAway:
            raise CalendarUnreadable(CalendarProblem.PEOPLE_AWAY) from None


def _known(found: Target | UnknownFact | None) -> Target | None:
    """
    Raises:
        CalendarUnreadable: Slack does not say now.
    """
    if isinstance(found, UnknownFact):
        raise CalendarUnreadable(CalendarProblem.PEOPLE_AWAY)
    return found


def _is_due(setup: Setup, saved: SavedSchedule, now: datetime) -> bool:
    copy = calendar_copy(setup, saved)
    return saved.calendar is not None and (copy is None or copy.is_due(now))


def _unused(setup: Setup, at: datetime) -> list[CalendarCopy | PendingCalendar]:
    """The copies whose schedule is gone or has no calendar any more, and the questions that nobody answered."""
    reading = {saved.id for saved in setup.all(SavedSchedule) if saved.calendar}
    return [
        *(copy for copy in setup.all(CalendarCopy) if copy.schedule not in reading),
        *(pending for pending in setup.all(PendingCalendar) if at - pending.made_at > PENDING_FOR),
    ]


def _stored(setup: Setup, copies: Iterable[CalendarCopy], at: datetime) -> SetupPlan[None]:
    """Leaves out the copy of a schedule that got another source during the read."""
    edits = [SetupEdit(before=row) for row in _unused(setup, at)]
    for copy in copies:
        saved = setup.get(SavedSchedule, copy.schedule)
        if saved and saved.calendar and saved.calendar.address.fingerprint == copy.fingerprint:
            edits.append(SetupEdit(before=setup.get(CalendarCopy, copy.id), after=copy))
    return SetupPlan(answer=None, edits=tuple(edits))
