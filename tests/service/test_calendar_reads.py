"""Reads of the calendars of schedules: when, what counts, and what stays after a failure."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import redis.asyncio

from bot.domain.calendar import (
    CalendarAddress,
    CalendarCopy,
    CalendarEvent,
    CalendarProblem,
    SavedCalendar,
)
from bot.domain.on_call_setup import SavedSchedule, calendar_copy, on_call_in, people_of
from bot.domain.permission import UnknownFact
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import UserId
from bot.ports.calendar_feed import CalendarEvents
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.requests import CalendarNotRead, SettingChanged
from bot.requests.calendar_reads import CalendarReads
from bot.requests.setup_changes import SetupChanges, SetupPlan
from tests.fake_schedules import FakeFeed, FakePeople, person
from tests.fakes import FakeClock
from tests.service.test_poller import Bot, pipelines, running

ANN, BOB = UserId("U0ANN"), UserId("U0BOB")
SECRET = "https://calendar.example.com/private-hunter2.ics"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Schedules:
    bot: Bot
    feed: FakeFeed
    people: FakePeople
    changes: SetupChanges
    reads: CalendarReads

    @property
    def clock(self) -> FakeClock:
        return self.bot.clock

    async def save(self, url: str | None = SECRET, name: str = "Data", **more: object) -> SavedSchedule:
        calendar = SavedCalendar(address=CalendarAddress(url), zone="Europe/Berlin") if url else None
        saved = SavedSchedule(name=name, calendar=calendar, made_by=ANN, made_at=self.clock.now(), **more)  # type: ignore[arg-type]
        await self.changes.write(lambda setup, _: _replacing(setup, saved), by=ANN)
        return saved

    def event(self, title: str, *emails: str, hours: float = 0) -> CalendarEvent:
        start = self.clock.now() + hours * HOUR
        return CalendarEvent(start=start - HOUR, end=start + HOUR * 100, title=title, attendees=emails)

    @property
    def copy(self) -> CalendarCopy:
        (copy,) = self.setup.all(CalendarCopy)
        return copy

    @property
    def setup(self) -> Setup:
        return self.changes.setup

    def on_call(self, schedule: str = "Data") -> tuple[UserId, ...]:
        answer = on_call_in(self.setup, schedule, self.clock.now())
        assert answer is not None
        return answer.people


def _replacing(setup: Setup, saved: SavedSchedule) -> SetupPlan[None]:
    return SetupPlan(answer=None, edits=(SetupEdit(before=setup.get(SavedSchedule, saved.id), after=saved),))


@pytest.fixture
async def it(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Schedules]:
    async with running(fake_redis, *pipelines(1)) as bot:
        changes = SetupChanges(repository=bot.repository, setup_store=bot.store, clock=bot.clock)
        feed, people = FakeFeed(), FakePeople({ANN: person(ANN, "Ann"), "bob@x.example": person(BOB, "Bob")})
        reads = CalendarReads(changes=changes, feed=feed, people=people, conversations=people, clock=bot.clock)
        yield Schedules(bot, feed, people, changes, reads)


async def test_a_calendar_is_read_every_15_minutes(it: Schedules) -> None:
    it.feed.events_at[SECRET] = [it.event("<@U0ANN>")]
    await it.save()
    for _ in range(40):
        await it.reads.refresh()
        await it.clock.pass_time(60)
    assert len(it.feed.reads) == 3
    url, first, last, zone = it.feed.reads[0]
    assert (url, zone) == (SECRET, "Europe/Berlin")
    assert (last - first) == timedelta(days=15)
    assert it.on_call() == (ANN,)


async def test_people_are_known_by_mention_and_email_with_name_and_conversation(it: Schedules) -> None:
    it.feed.events_at[SECRET] = [it.event("<@U0ANN>"), it.event("On call", "bob@x.example", "nobody@x.example")]
    await it.save()
    await it.reads.refresh()
    assert it.on_call() == (ANN, BOB)
    targets = people_of(it.setup, "data", it.on_call())
    assert [(target.label, target.direct) for target in targets] == [("Ann", "D0ANN"), ("Bob", "D0BOB")]
    assert "@x.example" not in repr(it.copy)


async def test_a_person_removed_from_the_workspace_is_not_on_call(it: Schedules) -> None:
    it.feed.events_at[SECRET] = [it.event("<@U0ANN>")]
    await it.save()
    await it.reads.refresh()
    it.people.known[ANN] = None
    await it.clock.pass_time(900)
    await it.reads.refresh()
    assert it.on_call() == ()
    assert len(it.copy.nameless) == 1


async def test_without_the_scope_for_emails_only_mentions_count(it: Schedules) -> None:
    it.people.known = {ANN: UnknownFact.NO_SCOPE, "bob@x.example": UnknownFact.NO_SCOPE}
    it.feed.events_at[SECRET] = [it.event("<@U0ANN>"), it.event("", "bob@x.example")]
    await it.save()
    await it.reads.refresh()
    assert it.on_call() == (ANN,)
    assert it.copy.lacks_scope
    assert len(it.copy.nameless) == 1


@pytest.mark.parametrize("problem", list(CalendarProblem))
async def test_a_failed_read_keeps_the_last_good_copy_for_a_day(it: Schedules, problem: CalendarProblem) -> None:
    it.feed.events_at[SECRET] = [it.event("<@U0ANN>")]
    await it.save()
    await it.reads.refresh()
    read_at, it.feed.problem = it.copy.read_at, problem
    await it.clock.pass_time(900)
    records: list[EventRecord] = []
    with subscribed(records.append):
        await it.reads.refresh()
    failures = [record for record in records if isinstance(record, CalendarNotRead)]
    assert failures == [CalendarNotRead(schedule="Data", host="calendar.example.com", problem=problem.value)]
    assert (it.on_call(), it.copy.read_at, it.copy.problem) == ((ANN,), read_at, problem)
    await it.clock.pass_time(24 * 3600 - 900 + 1)
    assert it.on_call() == ()
    it.feed.problem = None
    await it.reads.refresh()
    assert (it.on_call(), it.copy.problem, it.copy.failing_since) == ((ANN,), None, None)


async def test_slack_away_is_a_failed_read(it: Schedules) -> None:
    it.feed.events_at[SECRET] = [it.event("<@U0ANN>")]
    await it.save()
    it.people.known[ANN] = UnknownFact.AWAY
    await it.reads.refresh()
    assert it.copy.problem is CalendarProblem.PEOPLE_AWAY
    it.people.known[ANN], it.people.away = person(ANN, "Ann"), True
    await it.clock.pass_time(900)
    await it.reads.refresh()
    assert (it.copy.problem, it.copy.read_at) == (CalendarProblem.PEOPLE_AWAY, None)


async def test_another_address_is_read_at_once_and_the_old_copy_no_longer_counts(it: Schedules) -> None:
    it.feed.events_at = {SECRET: [it.event("<@U0ANN>")], SECRET + "2": [it.event("", "bob@x.example")]}
    await it.save()
    await it.reads.refresh()
    saved = await it.save(SECRET + "2")
    assert calendar_copy(it.setup, saved) is None
    assert it.on_call() == ()
    await it.reads.refresh()
    assert it.on_call() == (BOB,)


async def test_a_copy_goes_with_its_schedules_calendar(it: Schedules) -> None:
    await it.save()
    await it.reads.refresh()
    assert it.setup.all(CalendarCopy)
    await it.save(None)
    await it.reads.refresh()
    assert it.setup.all(CalendarCopy) == ()


async def test_a_schedule_that_changes_during_its_read_keeps_no_copy_of_the_old_calendar(it: Schedules) -> None:
    saved = await it.save()
    copy = await it.reads.read(saved)
    await it.save(SECRET + "2")
    assert copy is not None
    it.feed.reads.clear()
    original = it.feed.events

    async def slow(address: CalendarAddress, first: datetime, last: datetime, zone: str) -> CalendarEvents:
        found = await original(address, first, last, zone)
        if len(it.feed.reads) == 1:
            await it.save(SECRET + "3")
        return found

    it.feed.events = slow  # type: ignore[method-assign]
    await it.reads.refresh()
    assert it.setup.all(CalendarCopy) == ()


async def test_reads_tell_the_log_no_address_and_the_audit_nothing(it: Schedules) -> None:
    records: list[EventRecord] = []
    with subscribed(records.append):
        await it.save()
        await it.reads.refresh()
        it.feed.problem = CalendarProblem.NOT_FOUND
        await it.clock.pass_time(900)
        await it.reads.refresh()
    assert "hunter2" not in repr(records)
    assert len([record for record in records if isinstance(record, SettingChanged)]) == 1
    assert len((await it.bot.store.audit()).entries) == 1


async def test_too_many_people_are_too_much(it: Schedules) -> None:
    it.feed.events_at[SECRET] = [it.event("", *(f"p{number}@x.example" for number in range(201)))]
    await it.save()
    await it.reads.refresh()
    assert it.copy.problem is CalendarProblem.TOO_MUCH
