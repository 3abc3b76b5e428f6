"""Handovers and reports of schedules: each one once, also across restarts and over two bots."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

import pytest
import redis.asyncio

from bot.domain.calendar import CalendarAddress, CalendarCopy, CalendarProblem, SavedCalendar
from bot.domain.escalation import Policy, PolicyStep
from bot.domain.on_call_setup import SavedOverride, SavedPolicy, SavedRotation, SavedSchedule
from bot.domain.permission import UnknownFact
from bot.domain.rotation import Shift, TurnUnit
from bot.domain.schedule_answer import Editor, OverrideWish
from bot.domain.schedule_messages import (
    GroupRefusal,
    HandoverCause,
    ScheduleProblem,
    ScheduleReport,
    ShadowChange,
    ShiftChange,
    ShiftHandover,
)
from bot.domain.setup import Setup, SetupKind, SetupRow
from bot.domain.setup_change import SetupEdit
from bot.domain.silence import WHOLE_CHANNEL, Mute
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from bot.requests.group_members import GroupMembers
from bot.requests.handover_items import handover_items
from bot.requests.schedule_news import ScheduleNews
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.requests.shifts import Shifts
from tests.builders import ALERTS
from tests.fake_schedules import FakeGroups, FakePeople, person
from tests.fakes import FakeClock
from tests.service.test_poller import FAILED, LIVE, ONE, OPERATOR, Bot, pipelines, running

ANN, BOB, CARL = UserId("U0ANN"), UserId("U0BOB"), UserId("U0CARL")
CARL_DIRECT = ChannelId("D0CARL")
ANN_DIRECT, BOB_DIRECT, TEAM_CHANNEL = ChannelId("D0ANN"), ChannelId("D0BOB"), ChannelId("C0TEAM")
GROUP = Target(kind=TargetKind.USERGROUP, id="S0ONCALL", label="data-oncall")
MONDAY = datetime.fromisoformat("2026-11-23T12:00:00+00:00")  # the clock's first moment
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAY_SECONDS = 24 * 3600


@dataclass
class OnCallDesk:
    bot: Bot
    people: FakePeople
    changes: SetupChanges
    groups: FakeGroups
    news: ScheduleNews = field(init=False)
    members: GroupMembers = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Another bot leads, which knows nothing but the store."""
        self.news = ScheduleNews(
            repository=self.bot.repository,
            changes=self.changes,
            conversations=self.people,
            people=self.people,
            clock=self.bot.clock,
            operator=OPERATOR,
        )
        self.members = GroupMembers(changes=self.changes, groups=self.groups, clock=self.bot.clock)

    @property
    def clock(self) -> FakeClock:
        return self.bot.clock

    async def save(self, *rows: SetupRow) -> None:
        def make(setup: Setup, at: datetime) -> SetupPlan[None]:
            edits = (SetupEdit(before=setup.get(type(row), row.id), after=row) for row in rows)
            return SetupPlan(answer=None, edits=tuple(edits))

        await self.changes.write(make, by=ANN)

    async def remove(self, row: SetupRow) -> None:
        await self.changes.write(lambda *_: SetupPlan(answer=None, edits=(SetupEdit(before=row),)), by=ANN)

    async def pass_days(self, days: float, step: float = 1 / 48) -> None:
        for _ in range(round(days / step)):
            await self.news.follow()
            await self.members.follow()
            await self.clock.pass_time(step * DAY_SECONDS)
        await self.news.follow()
        await self.members.follow()

    async def handovers(self, channel: ChannelId) -> list[ShiftHandover]:
        return [row.body for row in await self.bot.store.owed(channel) if isinstance(row.body, ShiftHandover)]

    async def reports(self, channel: ChannelId) -> list[ScheduleReport]:
        return [row.body for row in await self.bot.store.owed(channel) if isinstance(row.body, ScheduleReport)]


@pytest.fixture
async def it(fake_redis: redis.asyncio.Redis) -> AsyncIterator[OnCallDesk]:
    async with running(fake_redis, *pipelines(2)) as bot:
        changes = SetupChanges(repository=bot.repository, setup_store=bot.store, clock=bot.clock)
        people = FakePeople({ANN: person(ANN, "Ann"), BOB: person(BOB, "Bob"), CARL: person(CARL, "Carl")})
        yield OnCallDesk(bot, people, changes, FakeGroups())


def daily(*people: UserId, posts_in: ChannelId | None = TEAM_CHANNEL, group: Target | None = None) -> SavedSchedule:
    """Hands over at 09:00 UTC. The first person's turn began on the clock's first day."""
    rotation = SavedRotation(
        people=tuple(person(user, user.removeprefix("U0").title()) for user in people),
        every=1,
        unit=TurnUnit.DAYS,
        handover=time(9),
        anchor=date(2026, 11, 23),
        zone="UTC",
    )
    return SavedSchedule(name="Data", rotation=rotation, posts_in=posts_in, group=group, made_by=CARL, made_at=MONDAY)


async def test_each_handover_is_announced_once_to_the_channel_and_the_next_person(it: OnCallDesk) -> None:
    await it.save(daily(ANN, BOB))
    await it.pass_days(3)
    posted = await it.handovers(TEAM_CHANNEL)
    nine = MONDAY.replace(hour=9)
    assert [(body.at, [target.id for target in body.incoming]) for body in posted] == [
        (nine + DAY, [BOB]),
        (nine + 2 * DAY, [ANN]),
        (nine + 3 * DAY, [BOB]),
    ]
    assert {body.cause for body in posted} == {HandoverCause.PLANNED}
    first = posted[0]
    assert ([target.label for target in first.outgoing], first.until) == (["Ann"], nine + 2 * DAY)
    assert [(body.direct, body.at) for body in await it.handovers(BOB_DIRECT)] == [
        (True, nine + DAY),
        (True, nine + 3 * DAY),
    ]
    assert len(await it.handovers(ANN_DIRECT)) == 1


async def test_a_new_schedule_announces_nothing(it: OnCallDesk) -> None:
    await it.save(daily(ANN, BOB))
    await it.pass_days(0.1)
    assert await it.handovers(TEAM_CHANNEL) == []


async def test_a_restart_repeats_no_handover_and_loses_none(it: OnCallDesk) -> None:
    await it.save(daily(ANN, BOB))
    await it.pass_days(0.5)
    await it.clock.pass_time(DAY_SECONDS / 2)  # nobody runs at 09:00
    it.restart()
    await it.pass_days(0.1)
    it.restart()
    await it.pass_days(0.1)
    (posted,) = await it.handovers(TEAM_CHANNEL)
    assert posted.at == MONDAY.replace(hour=9) + DAY


async def test_two_leaders_at_once_announce_a_handover_once(it: OnCallDesk) -> None:
    await it.save(daily(ANN, BOB))
    await it.news.follow()
    await it.clock.pass_time(DAY_SECONDS)
    other = ScheduleNews(
        repository=it.bot.repository,
        changes=it.changes,
        conversations=it.people,
        people=it.people,
        clock=it.clock,
        operator=None,
    )
    await other.follow()
    await it.news.follow()
    assert len(await it.handovers(TEAM_CHANNEL)) == 1


async def test_an_override_and_an_edit_are_handovers_too(it: OnCallDesk) -> None:
    await it.save(daily(ANN, BOB))
    await it.pass_days(0.1)
    override = SavedOverride(
        schedule="data",
        person=person(CARL, "Carl"),
        start=it.clock.now(),
        end=it.clock.now() + HOUR,
        made_by=CARL,
        made_at=it.clock.now(),
    )
    began = it.clock.now()
    await it.save(override)
    await it.pass_days(0.1)
    await it.save(daily(BOB))
    await it.pass_days(0.1)
    posted = [(body.at, [target.id for target in body.incoming]) for body in await it.handovers(TEAM_CHANNEL)]
    assert posted[:2] == [(began, [CARL]), (began + HOUR, [ANN])]
    causes = [body.cause for body in await it.handovers(TEAM_CHANNEL)]
    assert causes == [HandoverCause.OVERRIDE, HandoverCause.OVERRIDE_OVER, HandoverCause.CHANGED]
    assert [body.stand_in for body in await it.handovers(TEAM_CHANNEL)] == [person(CARL, "Carl")] * 2 + [None]
    assert [incoming for _, incoming in posted[2:]] == [[BOB]]


async def test_a_handover_after_a_change_names_the_change_and_its_author(it: OnCallDesk) -> None:
    override = SavedOverride(
        schedule="data",
        person=person(CARL, "Carl"),
        start=it.clock.now(),
        end=it.clock.now() + DAY,
        made_by=CARL,
        made_at=it.clock.now(),
    )
    await it.save(daily(ANN), override, replace(daily(ANN), name="Other"))
    await it.pass_days(0.1)
    await it.remove(override)
    await it.pass_days(0.1)
    await it.save(replace(daily(ANN), name="Other", posts_in=ALERTS))  # another schedule
    await it.save(daily(BOB))
    await it.pass_days(0.1)
    posted = [(body.cause, body.changed, body.by) for body in await it.handovers(TEAM_CHANNEL)]
    assert posted == [
        (HandoverCause.CHANGED, SetupKind.OVERRIDE, ANN),
        (HandoverCause.CHANGED, SetupKind.SCHEDULE, ANN),
    ]


async def test_a_calendar_that_changed_is_named_without_a_person(it: OnCallDesk) -> None:
    calendar = SavedCalendar(address=CalendarAddress("https://x.example/a.ics"), zone="UTC")
    saved = replace(daily(), rotation=None, calendar=calendar)
    copy = CalendarCopy(
        schedule=saved.id,
        fingerprint=calendar.address.fingerprint,
        made_at=MONDAY,
        read_at=MONDAY,
        shifts=(Shift(people=(ANN,), start=MONDAY, end=MONDAY + DAY),),
        people=(person(ANN, "Ann"), person(BOB, "Bob")),
    )
    await it.save(saved, copy)
    await it.pass_days(0.1)
    await it.save(replace(copy, shifts=(Shift(people=(BOB,), start=MONDAY, end=MONDAY + DAY),)))
    await it.pass_days(0.1)
    (posted,) = await it.handovers(TEAM_CHANNEL)
    assert (posted.cause, posted.changed, posted.by) == (HandoverCause.CHANGED, SetupKind.CALENDAR_COPY, None)


async def test_a_gap_is_announced_to_the_channel(it: OnCallDesk) -> None:
    calendar = SavedCalendar(address=CalendarAddress("https://x.example/a.ics"), zone="UTC")
    saved = replace(daily(), rotation=None, calendar=calendar)
    shift = Shift(people=(ANN,), start=MONDAY, end=MONDAY + HOUR)
    copy = CalendarCopy(
        schedule=saved.id,
        fingerprint=calendar.address.fingerprint,
        made_at=MONDAY,
        read_at=MONDAY,
        shifts=(shift,),
        people=(person(ANN, "Ann"),),
    )
    await it.save(saved, copy)
    await it.pass_days(0.1)
    (posted,) = await it.handovers(TEAM_CHANNEL)
    assert (posted.incoming, posted.until, posted.at) == ((), None, MONDAY + HOUR)


async def test_a_calendar_that_nobody_read_yet_hands_over_to_nobody(it: OnCallDesk) -> None:
    await it.save(daily(ANN))
    await it.pass_days(0.1)
    calendar = SavedCalendar(address=CalendarAddress("https://x.example/a.ics"), zone="UTC")
    await it.save(replace(daily(), rotation=None, calendar=calendar))
    await it.pass_days(0.1)
    assert await it.handovers(TEAM_CHANNEL) == []


async def test_a_handover_lists_open_failures_and_mutes(it: OnCallDesk) -> None:
    await it.bot.watch("pipe_0001", "pipe_0002")
    await it.bot.poll(5)
    it.bot.api.statuses[ONE] = FAILED
    await it.bot.poll(10)
    await it.save(daily(ANN, BOB))
    mute = Mute(
        made_in=ALERTS,
        reference=WHOLE_CHANNEL,
        until=MONDAY + 20 * DAY,
        made_by=ANN,
        made_by_name="Ann",
        made_at=it.clock.now(),
    )
    await it.save(mute)
    await it.pass_days(1)
    (posted,) = await it.handovers(TEAM_CHANNEL)
    assert [(item.pipeline.id, item.acknowledged_by) for item in posted.failures] == [(ONE, "")]
    assert [note.by_name for note in posted.muted] == ["Ann"]
    assert (posted.looked_at, posted.pages_schedule) == (2, False)


async def test_a_removed_schedule_leaves_no_state(it: OnCallDesk) -> None:
    await it.save(daily(ANN))
    await it.pass_days(0.1)
    await it.remove(daily(ANN))
    await it.pass_days(0.1)
    assert it.changes.setup.rows == ()


# --- shifts that somebody takes --------------------------------------------------------------------------------------


async def told(it: OnCallDesk, channel: ChannelId) -> list[ShiftChange]:
    return [row.body for row in await it.bot.store.owed(channel) if isinstance(row.body, ShiftChange)]


def wish(it: OnCallDesk, start: timedelta, end: timedelta, instead_of: UserId | None = None) -> OverrideWish:
    now = it.clock.now()
    replaced = person(instead_of, "Ann") if instead_of else None
    return OverrideWish(
        schedule="data",
        person=person(CARL, "Carl"),
        instead_of=replaced,
        start=now + start,
        end=now + end,
        why="dentist",
    )


def editor(user: UserId = CARL, *, confirmed: bool = True) -> Editor:
    return Editor(
        by=user, name=user.removeprefix("U0").title(), confirmed=confirmed, channel=TEAM_CHANNEL, asked_at=None
    )


async def test_a_taken_shift_and_its_cancellation_reach_its_owner(it: OnCallDesk) -> None:
    await it.save(daily(ANN, BOB))
    shifts = Shifts(repository=it.bot.repository, changes=it.changes, conversations=it.people, clock=it.clock)
    await shifts.override(wish(it, HOUR, 2 * HOUR), editor(confirmed=False))
    assert await told(it, ANN_DIRECT) == []
    await shifts.override(wish(it, HOUR, 2 * HOUR), editor())
    await shifts.override(wish(it, HOUR, 2 * HOUR), editor())
    (change,) = await told(it, ANN_DIRECT)
    assert (change.person.id, change.start, change.end) == (CARL, it.clock.now() + HOUR, it.clock.now() + 2 * HOUR)
    assert (change.why, change.by, change.gains, change.cancelled) == ("dentist", CARL, False, False)
    assert await told(it, BOB_DIRECT) == await told(it, ChannelId("D0CARL")) == []
    await shifts.cancel("data", CARL, editor())
    assert [(body.gains, body.cancelled) for body in await told(it, ANN_DIRECT)] == [(False, False), (True, True)]


async def test_a_learner_hears_who_set_up_a_shadow_and_who_ended_it(it: OnCallDesk) -> None:
    await it.save(daily(ANN, BOB))
    shifts = Shifts(repository=it.bot.repository, changes=it.changes, conversations=it.people, clock=it.clock)
    end, carl = it.clock.now() + HOUR, replace(person(CARL, "Carl"), direct=CARL_DIRECT)
    await shifts.shadow("data", carl, end, editor(ANN, confirmed=False))
    await shifts.shadow("data", carl, end, editor(CARL))
    assert await shadow_changes(it) == []
    await shifts.end_shadow("data", CARL, editor(CARL))
    await shifts.shadow("data", carl, end, editor(ANN))
    await shifts.shadow("data", carl, end, editor(ANN))
    (change,) = await shadow_changes(it)
    assert (change.schedule, change.end, change.by, change.by_name, change.ended) == ("Data", end, ANN, "Ann", False)
    await shifts.end_shadow("data", CARL, editor(BOB))
    assert [(body.by, body.ended) for body in await shadow_changes(it)] == [(ANN, False), (BOB, True)]


async def shadow_changes(it: OnCallDesk) -> list[ShadowChange]:
    return [row.body for row in await it.bot.store.owed(CARL_DIRECT) if isinstance(row.body, ShadowChange)]


async def test_a_person_put_on_call_for_later_gets_a_message_too(it: OnCallDesk) -> None:
    await it.save(daily(ANN, BOB))
    shifts = Shifts(repository=it.bot.repository, changes=it.changes, conversations=it.people, clock=it.clock)
    await shifts.override(wish(it, HOUR, 30 * HOUR), editor(ANN))
    assert await told(it, ANN_DIRECT) == [], "she did it herself"
    assert [body.gains for body in await told(it, ChannelId("D0CARL"))] == [True]
    assert [body.gains for body in await told(it, BOB_DIRECT)] == [False], "the second of these days is his"


# --- reports ---------------------------------------------------------------------------------------------------------


def with_copy(**changes: object) -> tuple[SavedSchedule, CalendarCopy]:
    calendar = SavedCalendar(address=CalendarAddress("https://x.example/hunter2.ics"), zone="UTC")
    saved = replace(daily(posts_in=None), rotation=None, calendar=calendar)
    shift = Shift(people=(ANN,), start=MONDAY - DAY, end=MONDAY + 14 * DAY)
    copy = CalendarCopy(
        schedule=saved.id,
        fingerprint=calendar.address.fingerprint,
        made_at=MONDAY,
        read_at=MONDAY,
        shifts=(shift,),
        people=(person(ANN, "Ann"),),
    )
    return saved, replace(copy, **changes)  # type: ignore[arg-type]


async def test_a_calendar_older_than_a_day_is_reported_daily_until_it_is_read(it: OnCallDesk) -> None:
    saved, copy = with_copy(problem=CalendarProblem.NOT_FOUND, failing_since=MONDAY + HOUR)
    await it.save(saved, copy)
    await it.pass_days(3.5)
    direct = ChannelId("D0CARL")
    for channel in (direct, OPERATOR):
        posted = await it.reports(channel)
        assert [report.problems for report in posted] == [(ScheduleProblem.STALE,)] * 3
        assert (posted[0].host, posted[0].copy_at, posted[0].calendar_problem) == (
            "x.example",
            MONDAY,
            CalendarProblem.NOT_FOUND,
        )
    await it.save(replace(copy, read_at=it.clock.now(), problem=None, failing_since=None))
    await it.pass_days(0.9)
    assert len(await it.reports(direct)) == 3
    await it.pass_days(0.2)
    assert len(await it.reports(direct)) == 4, "a new failure is news at once"


async def test_a_restart_repeats_no_report(it: OnCallDesk) -> None:
    saved, copy = with_copy(nameless=(MONDAY + 2 * DAY,))
    await it.save(saved, copy)
    for _ in range(4):
        it.restart()
        await it.pass_days(0.1)
    (posted,) = await it.reports(OPERATOR)
    assert (posted.problems, posted.nameless) == ((ScheduleProblem.NAMELESS,), (MONDAY + 2 * DAY,))


@pytest.mark.parametrize("paged", [True, False])
async def test_a_gap_is_reported_if_somebody_would_be_paged(it: OnCallDesk, paged: bool) -> None:
    shift = Shift(people=(ANN,), start=MONDAY - DAY, end=MONDAY + 3 * DAY)
    later = Shift(people=(ANN,), start=MONDAY + 4 * DAY, end=MONDAY + 14 * DAY)
    target = Target(kind=TargetKind.ON_CALL, id="DATA")
    step = PolicyStep(targets=(target,), wait=HOUR)
    policy = SavedPolicy(policy=Policy(name="p", steps=(step,)), made_by=ANN, made_at=MONDAY)
    await it.save(*with_copy(shifts=(shift, later)), *([policy] if paged else []))
    await it.pass_days(0.1)
    posted = await it.reports(OPERATOR)
    gaps = [(report.problems, report.gap_start, report.gap_end) for report in posted]
    assert gaps == ([((ScheduleProblem.GAP,), MONDAY + 3 * DAY, MONDAY + 4 * DAY)] if paged else [])


async def test_a_missing_scope_is_reported_instead_of_unknown_people(it: OnCallDesk) -> None:
    await it.save(*with_copy(nameless=(MONDAY + DAY,), lacks_scope=True))
    await it.pass_days(0.1)
    assert [report.problems for report in await it.reports(OPERATOR)] == [(ScheduleProblem.NO_SCOPE,)]


async def test_a_new_calendar_that_fails_is_reported_after_an_hour(it: OnCallDesk) -> None:
    saved, copy = with_copy(read_at=None, shifts=(), problem=CalendarProblem.EMPTY, failing_since=MONDAY)
    await it.save(saved, copy)
    await it.pass_days(0.03)
    assert await it.reports(OPERATOR) == []
    await it.pass_days(0.1)
    assert [report.problems for report in await it.reports(OPERATOR)] == [(ScheduleProblem.STALE,)]


async def test_a_person_on_call_who_left_the_workspace_is_reported_and_not_paged(it: OnCallDesk) -> None:
    await it.save(daily(ANN, BOB, group=GROUP))
    await it.pass_days(0.1)
    target = Target(kind=TargetKind.ON_CALL, id="data")
    routing = it.bot.repository.routing(it.bot.repository.pipeline(ONE))
    assert [person.id for person in routing.reached(target, it.clock.now())] == [ANN]
    it.people.known[ANN] = None
    await it.pass_days(0.1)
    routing = it.bot.repository.routing(it.bot.repository.pipeline(ONE))
    assert routing.reached(target, it.clock.now()) == ()
    (posted,) = await it.reports(TEAM_CHANNEL)
    assert (posted.problems, [person.label for person in posted.missing]) == ((ScheduleProblem.MISSING,), ["Ann"])
    it.people.known[ANN] = UnknownFact.AWAY
    await it.pass_days(0.1)
    routing = it.bot.repository.routing(it.bot.repository.pipeline(ONE))
    assert routing.reached(target, it.clock.now()) == (), "while Slack does not say, the last answer counts"
    await it.pass_days(1)
    routing = it.bot.repository.routing(it.bot.repository.pipeline(ONE))
    assert [person.id for person in routing.reached(target, it.clock.now())] == [BOB]
    assert it.groups.people == {BOB}


async def test_slack_away_makes_nobody_missing(it: OnCallDesk) -> None:
    it.people.known = {ANN: UnknownFact.AWAY, BOB: UnknownFact.NO_SCOPE}
    await it.save(daily(ANN, BOB))
    await it.pass_days(2)
    assert await it.reports(TEAM_CHANNEL) == []


async def test_a_flapping_pipeline_is_listed_apart(it: OnCallDesk) -> None:
    await it.bot.watch("pipe_0001")
    await it.bot.poll(5)
    for _ in range(12):
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(20)
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.poll(20)
    episode = it.bot.repository.record(ONE).episode
    assert episode is not None
    assert episode.flapping
    items = handover_items(it.bot.repository, "data", it.clock.now())
    assert ([item.pipeline.id for item in items.flapping], items.failures) == ([ONE], ())


# --- user groups -----------------------------------------------------------------------------------------------------


async def test_the_group_follows_the_people_on_call(it: OnCallDesk) -> None:
    await it.save(daily(ANN, BOB, group=GROUP))
    await it.pass_days(2)
    assert it.groups.updates == [{ANN}, {BOB}, {ANN}]


async def test_a_group_that_somebody_changed_is_made_equal_again(it: OnCallDesk) -> None:
    await it.save(daily(ANN, group=GROUP))
    await it.pass_days(0.1)
    it.groups.people = frozenset({CARL})
    await it.pass_days(0.1)
    assert it.groups.people == {ANN}


async def test_a_group_is_never_emptied(it: OnCallDesk) -> None:
    await it.save(daily(group=GROUP))
    await it.pass_days(1)
    assert it.groups.updates == []


async def test_a_restart_calls_slack_only_to_compare(it: OnCallDesk) -> None:
    await it.save(daily(ANN, group=GROUP))
    await it.pass_days(0.1)
    it.restart()
    await it.pass_days(0.1)
    assert it.groups.updates == [{ANN}]


async def test_a_refusal_is_reported_and_tried_again_every_hour(it: OnCallDesk) -> None:
    it.groups.refusal = GroupRefusal.FORBIDDEN
    await it.save(daily(ANN, group=GROUP))
    await it.pass_days(0.5)
    assert 11 <= len(it.groups.updates) <= 13
    for channel in (TEAM_CHANNEL, OPERATOR):
        (posted,) = await it.reports(channel)
        assert (posted.problems, posted.group_refusal) == ((ScheduleProblem.GROUP,), GroupRefusal.FORBIDDEN)
    it.groups.refusal = None
    await it.pass_days(0.5)
    assert it.groups.people == {ANN}
    assert len(await it.reports(OPERATOR)) == 1


async def test_without_the_scope_to_read_groups_the_bot_sets_them_all_the_same(it: OnCallDesk) -> None:
    it.groups.readable = False
    await it.save(daily(ANN, BOB, group=GROUP))
    await it.pass_days(1)
    assert it.groups.people == {BOB}


async def test_a_person_without_a_name_keeps_the_id(it: OnCallDesk) -> None:
    it.people.known = {ANN: UnknownFact.NO_SCOPE, BOB: None}
    saved, copy = with_copy(people=(), shifts=(Shift(people=(BOB,), start=MONDAY - DAY, end=MONDAY + HOUR),))
    await it.save(replace(saved, posts_in=TEAM_CHANNEL), copy)
    await it.pass_days(0.1)
    (posted,) = await it.handovers(TEAM_CHANNEL)
    assert [(target.id, target.label) for target in posted.outgoing] == [(BOB, "")]
