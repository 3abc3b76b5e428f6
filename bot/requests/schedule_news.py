"""Announces each change of the people on call, and reports what is wrong with a schedule. Each message is sent once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.audit import AuditEntry
from bot.domain.body import Body
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.on_call import OnCall
from bot.domain.on_call_setup import SavedSchedule, calendar_copy, name_key, on_call_in, people_of
from bot.domain.permission import UnknownFact
from bot.domain.schedule_messages import HandoverCause, ScheduleReport, ShiftHandover
from bot.domain.schedule_state import ScheduleState, report_on
from bot.domain.setup import Setup, SetupKind
from bot.domain.setup_change import SetupEdit
from bot.domain.shift_change import PeopleChange, people_change
from bot.domain.watch import ChannelId, Target, UserId
from bot.ports.clock import Clock
from bot.ports.conversations import DirectConversations
from bot.ports.people import PeopleLookup
from bot.requests.handover_items import handover_items
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.state.repository import Repository

JUST_CHANGED = timedelta(minutes=10)  # the bot that leads checks within seconds, and a new leader soon after
CHECKED_AGAIN = timedelta(minutes=1)  # for what no change of the setup tells: problems begin and end with time


class ScheduleNews:
    """Runs in the bot that leads. The state of each schedule is a row, written in one step with its messages.

    So a restart repeats no message and loses none: a new leader compares the row with the people of now.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        changes: SetupChanges,
        conversations: DirectConversations,
        people: PeopleLookup,
        clock: Clock,
        operator: ChannelId | None,
    ) -> None:
        self._repository = repository
        self._changes = changes
        self._conversations = conversations
        self._people = people
        self._clock = clock
        self._operator = operator
        self._checked: tuple[int, datetime] | None = None
        """The version of the setup at the last check, and when to check again without a new one."""

    async def follow(self) -> None:
        """Announces and reports what changed since the last call.

        Raises:
            StoreAway, ChatAway: a part is done. The next call does the rest.
        """
        version, now = self._repository.watches.version, self._clock.now()
        if self._checked and self._checked[0] == version and now < self._checked[1]:
            return
        setup = self._changes.setup
        again = now + CHECKED_AGAIN
        for saved in setup.all(SavedSchedule):
            answer = on_call_in(setup, saved.name, now)
            if answer is None or (saved.calendar and calendar_copy(setup, saved) is None):
                continue  # a new calendar that nobody read yet says nothing
            if answer.until:
                again = min(again, answer.until)
            await self._announce(saved, answer, now)
            await self._note_missing(saved, answer)
            await self._report(saved, now)
        await self._forget_ended()
        self._checked = (version, again)

    async def _announce(self, saved: SavedSchedule, answer: OnCall, now: datetime) -> None:
        """The first check of a schedule announces nothing: the answer to the command did."""
        state = self._changes.setup.get(ScheduleState, saved.id)
        if state and set(state.on_call) == set(answer.people):
            return
        messages: list[Message] = []
        after = ScheduleState(schedule=saved.id, on_call=answer.people, since=now, made_at=now)
        if state:
            handover = people_change(self._changes.setup, saved.name, state, answer, now)
            after = replace(state, on_call=answer.people, since=handover.at, made_at=now)
            messages = await self._handover_messages(saved, state, answer, handover)

        def make(setup: Setup, at: datetime) -> SetupPlan[None]:
            current = on_call_in(setup, saved.name, at)
            if setup.get(ScheduleState, saved.id) != state or current is None or current.people != answer.people:
                return SetupPlan(answer=None)  # something changed meanwhile: the next check sees it
            return SetupPlan(answer=None, edits=(SetupEdit(before=state, after=after),), announcements=tuple(messages))

        await self._changes.write(make, by=None)

    async def _handover_messages(
        self, saved: SavedSchedule, state: ScheduleState, answer: OnCall, change: PeopleChange
    ) -> list[Message]:
        incoming = await self._named(saved, answer.people)
        items, override = handover_items(self._repository, saved.id, change.at), change.override
        handover = ShiftHandover(
            schedule=saved.name,
            at=change.at,
            outgoing=await self._named(saved, tuple(person for person in state.on_call if person not in answer.people)),
            incoming=incoming,
            until=answer.until,
            direct=False,
            failures=items.failures,
            flapping=items.flapping,
            muted=items.muted,
            cause=change.cause,
            stand_in=override.person if override else None,
            instead_of=override.instead_of if override else None,
            why=override.why if override else "",
            by=override.made_by if override else None,
            by_name=override.made_by_name if override else "",
            looked_at=items.looked_at,
            pages_schedule=items.pages_schedule,
        )
        if change.cause is HandoverCause.CHANGED:
            handover = await self._with_author(handover, saved, max(state.since, change.at - JUST_CHANGED))
        bodies: dict[ChannelId, ShiftHandover] = {saved.posts_in: handover} if saved.posts_in else {}
        for person in incoming:
            if person.id in state.on_call or await self._people.member(UserId(person.id)) is None:
                continue
            if conversation := await self._conversations.direct(UserId(person.id)):
                others = (other for other in incoming if other != person)
                bodies[conversation] = replace(handover, incoming=(person, *others), direct=True)
        return [self._message(saved, "handover", channel, body, change.at) for channel, body in bodies.items()]

    async def _with_author(self, handover: ShiftHandover, saved: SavedSchedule, since: datetime) -> ShiftHandover:
        """Names the person who has just changed the schedule or its overrides. Nobody: its calendar changed."""

        def wanted(entry: AuditEntry) -> bool:
            cancels = entry.subject == SetupKind.OVERRIDE and not entry.after
            return (cancels or entry.subject == SetupKind.SCHEDULE) and name_key(entry.label) == saved.id

        entry = await self._changes.latest_change(wanted, since)
        if entry:
            return replace(handover, changed=SetupKind(entry.subject), by=entry.by, by_name=entry.by_name)
        return replace(handover, changed=SetupKind.CALENDAR_COPY) if saved.calendar else handover

    async def _named(self, saved: SavedSchedule, people: Sequence[UserId]) -> tuple[Target, ...]:
        """These people with their names. A person without a name keeps the id."""
        targets = []
        for target in people_of(self._changes.setup, saved.name, people):
            found = target if target.label else await self._people.member(UserId(target.id))
            targets.append(found if isinstance(found, Target) else target)
        return tuple(targets)

    async def _note_missing(self, saved: SavedSchedule, answer: OnCall) -> None:
        """Notes the people on call who left the workspace. While Slack does not say, the last answer counts."""
        state = self._changes.setup.get(ScheduleState, saved.id)
        if state is None:
            return
        missing = []
        for person in answer.people:
            found = await self._people.member(person)
            if found is None or (isinstance(found, UnknownFact) and person in state.missing):
                missing.append(person)
        if tuple(missing) == state.missing:
            return

        def make(setup: Setup, at: datetime) -> SetupPlan[None]:
            if setup.get(ScheduleState, saved.id) != state:
                return SetupPlan(answer=None)
            after = replace(state, missing=tuple(missing), made_at=at)
            return SetupPlan(answer=None, edits=(SetupEdit(before=state, after=after),))

        await self._changes.write(make, by=None)

    async def _report(self, saved: SavedSchedule, now: datetime) -> None:
        setup = self._changes.setup
        state = setup.get(ScheduleState, saved.id)
        report = report_on(setup, saved, self._repository.watches, now)
        if state is None or not (state.must_report(report, now) or (report is None and state.reported)):
            return
        messages = await self._report_messages(saved, report, now) if report else []

        def make(setup: Setup, at: datetime) -> SetupPlan[None]:
            if setup.get(ScheduleState, saved.id) != state:
                return SetupPlan(answer=None)
            after = state.after_report(report, at)
            return SetupPlan(answer=None, edits=(SetupEdit(before=state, after=after),), announcements=tuple(messages))

        await self._changes.write(make, by=None)

    async def _report_messages(self, saved: SavedSchedule, report: ScheduleReport, now: datetime) -> list[Message]:
        """To the schedule's channel, or else to the person who last changed the schedule. The operator hears it too."""
        channel = saved.posts_in or await self._conversations.direct(saved.made_by)
        receivers = dict.fromkeys(found for found in (channel, self._operator) if found)
        return [self._message(saved, "report", receiver, report, now) for receiver in receivers]

    def _message(self, saved: SavedSchedule, kind: str, channel: ChannelId, body: Body, at: datetime) -> Message:
        team = self._repository.team
        return Message(
            id=stable_key(team, "schedule", kind, saved.id, channel, at.isoformat()),
            receiver=in_slack(team, channel),
            priority=Priority.UPDATE,
            body=body,
            made_at=self._clock.now(),
        )

    async def _forget_ended(self) -> None:
        """Removes the states of schedules that people removed."""

        def make(setup: Setup, _: datetime) -> SetupPlan[None]:
            ended = (state for state in setup.all(ScheduleState) if setup.get(SavedSchedule, state.schedule) is None)
            return SetupPlan(answer=None, edits=tuple(SetupEdit(before=state) for state in ended))

        await self._changes.write(make, by=None)
