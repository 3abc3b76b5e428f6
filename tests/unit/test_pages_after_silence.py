"""A failure that nobody answered is called again, exactly once, when the silence that held its page back ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from bot.domain.card import SyncCard
from bot.domain.delivery import Message
from bot.domain.diagnosis import Diagnosis, LogOutcome
from bot.domain.diagnosis_plan import plan_diagnosed
from bot.domain.episode import Acknowledgement
from bot.domain.escalation import Policy, PolicyStep
from bot.domain.notice import Notice, NoticeKind
from bot.domain.on_call_setup import SavedPolicy
from bot.domain.page_plan import plan_acknowledgement, plan_resolved, plan_timer
from bot.domain.plan import Plan, Record
from bot.domain.routing import Routing
from bot.domain.setup import Setup
from bot.domain.silence import Silence
from bot.domain.silence_plan import plan_silences
from bot.domain.summary import Digest
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Target, TargetKind, UserId, Watch
from tests.builders import ALERTS, ANN, a_watch, at
from tests.fakes import NOON
from tests.unit.test_silences import (
    ANN_DIRECT,
    OTHER,
    PAGE_ANN,
    a_maintenance,
    a_mute,
    degraded,
    failed,
    quiet_hours,
    read,
    routing,
    running,
)

BOB_DIRECT = ChannelId("D0BOB")
PAGE_BOB = Target(kind=TargetKind.USER, id=UserId("U0BOB"), direct=BOB_DIRECT)
DATA = Target(kind=TargetKind.POLICY, id="data")
POLICY = SavedPolicy(
    policy=Policy(
        name="data",
        steps=(
            PolicyStep(targets=(PAGE_ANN,), wait=timedelta(minutes=5)),
            PolicyStep(targets=(PAGE_BOB,), wait=timedelta(minutes=5)),
        ),
    ),
    made_by=ANN,
    made_at=NOON,
)
UNTIL = 600.0


def following_policy(*silences: Silence, watches: tuple[Watch, ...] = (a_watch(targets=(DATA,)),)) -> Routing:
    return replace(routing(*silences, watches=watches), setup=Setup((POLICY,)))


class Bot:
    """Follows the silences and serves the timers of one pipeline."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def live(self, route: Routing, start: float, end: float) -> list[tuple[float, str]]:
        """The calls of each second, with the conversation that gets them."""
        calls: list[tuple[float, str]] = []
        for second in range(round(start), round(end)):
            now = at(second)
            plans = (plan_silences, plan_timer) if second % 2 else (plan_timer, plan_silences)
            for make in plans:
                calls += [(second, message.receiver.id) for message in self._calls_of(make, route, now)]
        return calls

    def _calls_of(
        self, make: Callable[[Record, Routing, datetime], Plan | None], route: Routing, now: datetime
    ) -> list[Message]:
        plan = make(self.record, replace(route, at=now), now)
        if plan is None:
            return []
        self.record = plan.record
        kinds = {NoticeKind.CALL_AGAIN, NoticeKind.LATE_PAGE}
        return [message for message in plan.messages if isinstance(message.body, Notice) and message.body.kind in kinds]


SILENCES = pytest.mark.parametrize(
    "silence",
    [
        pytest.param(a_mute(until=UNTIL), id="a mute"),
        pytest.param(a_mute("orders-*", until=UNTIL), id="a pattern"),
        pytest.param(a_mute("*", until=UNTIL), id="the channel"),
        pytest.param(a_mute(until=86_400, live_for=timedelta(minutes=5)), id="until live"),
        pytest.param(a_maintenance(0, UNTIL), id="maintenance"),
    ],
)


@SILENCES
@pytest.mark.parametrize("muted_at", [10, 400], ids=["during step 1", "during step 2"])
def test_the_end_of_a_silence_calls_the_first_step_once(silence: Silence, muted_at: int) -> None:
    bot = Bot(read(following_policy(), running(1), failed(2)).record)
    bot.live(following_policy(), 3, muted_at)
    assert bot.live(following_policy(silence), muted_at, round(UNTIL)) == []
    calls = bot.live(following_policy(), round(UNTIL), round(UNTIL) + 290)
    assert {second for second, _ in calls} <= {UNTIL, UNTIL + 1}
    assert sorted(receiver for _, receiver in calls) == [ALERTS, ANN_DIRECT]


def test_the_end_by_time_calls_like_an_unmute() -> None:
    bot = Bot(read(following_policy(), running(1), failed(2)).record)
    calls = bot.live(following_policy(a_mute(until=UNTIL)), 10, round(UNTIL) + 290)
    assert sorted(receiver for _, receiver in calls) == [ALERTS, ANN_DIRECT]


def test_all_rounds_were_over_before_the_mute() -> None:
    route = routing()
    bot = Bot(read(route, running(1), failed(2)).record)
    bot.live(route, 3, 2000)
    assert bot.record.next_at is None
    bot.live(routing(a_mute(until=9000)), 2000, 2100)
    calls = bot.live(route, 2100, 2300)
    assert sorted(receiver for _, receiver in calls) == [ALERTS, ANN_DIRECT]


def test_a_mute_that_ends_in_quiet_hours_calls_for_a_failure() -> None:
    quiet = quiet_hours(time(12), time(13))
    bot = Bot(read(following_policy(quiet), running(1), failed(2)).record)
    bot.live(following_policy(quiet, a_mute(until=9000)), 10, 300)
    calls = bot.live(following_policy(quiet), 300, 590)
    assert sorted(receiver for _, receiver in calls) == [ALERTS, ANN_DIRECT]


def test_the_end_of_quiet_hours_calls_for_what_they_held_back() -> None:
    watches = (replace(a_watch(targets=(PAGE_ANN,)), page_for=frozenset({Event.FAILED, Event.DEGRADED})),)
    loud = routing(watches=watches)
    bot = Bot(read(loud, running(1), degraded(2), degraded(40)).record)
    assert bot.live(replace(loud, silences=(quiet_hours(time(12), time(13)),)), 41, 3600) == []
    calls = bot.live(loud, 3600, 3890)
    assert sorted(receiver for _, receiver in calls) == [ALERTS, ANN_DIRECT]


@pytest.mark.parametrize("plan_answer", [plan_acknowledgement, plan_resolved])
def test_an_answered_failure_calls_nobody_at_the_end(
    plan_answer: Callable[[Record, Routing, Acknowledgement], Plan | None],
) -> None:
    bot = Bot(read(following_policy(), running(1), failed(2)).record)
    bot.live(following_policy(a_mute()), 10, 100)
    plan = plan_answer(bot.record, following_policy(a_mute()), Acknowledgement(by=ANN, at=at(100)))
    assert plan
    bot.record = plan.record
    bot.live(following_policy(a_mute()), 101, 110)
    assert bot.live(following_policy(), 110, 800) == []


def test_a_promise_that_ends_during_the_mute_calls_once_after_it() -> None:
    record = read(following_policy(), running(1), failed(2)).record
    plan = plan_acknowledgement(record, following_policy(), Acknowledgement(by=ANN, at=at(5), until=at(60)))
    assert plan
    bot = Bot(plan.record)
    assert bot.live(following_policy(a_mute()), 10, 200) == []
    calls = bot.live(following_policy(), 200, 490)
    assert sorted(receiver for _, receiver in calls) == [ALERTS, ANN_DIRECT]


def test_a_failure_that_came_back_during_the_mute_calls_at_once_at_its_end() -> None:
    record = read(following_policy(), running(1), failed(2)).record
    mute = a_mute(until=UNTIL)
    bot = Bot(read(following_policy(mute), running(7), failed(10), record=record).record)
    bot.live(following_policy(mute), 11, round(UNTIL))
    calls = bot.live(following_policy(), round(UNTIL), round(UNTIL) + 290)
    assert {second for second, _ in calls} <= {UNTIL, UNTIL + 1}
    assert sorted(receiver for _, receiver in calls) == [ALERTS, ANN_DIRECT]


def test_a_page_that_another_channel_heard_meanwhile_goes_on_as_it_was() -> None:
    both = (a_watch(targets=(DATA,)), a_watch(channel=OTHER, targets=(DATA,)))
    loud = following_policy(watches=both)
    bot = Bot(read(loud, running(1), failed(2)).record)
    bot.live(replace(loud, silences=(a_mute(),)), 10, 100)
    assert bot.live(loud, 100, 290) == []


def test_two_muted_channels_share_one_page_at_the_end_of_the_first_mute() -> None:
    both = (a_watch(targets=(DATA,)), a_watch(channel=OTHER, targets=(DATA,)))
    there = replace(following_policy(watches=both), silences=(a_mute(channel=OTHER),))
    bot = Bot(read(there, running(1), failed(2)).record)
    bot.live(replace(there, silences=(a_mute(), a_mute(channel=OTHER))), 10, 100)
    calls = bot.live(replace(there, silences=(a_mute(),)), 100, 390)
    assert [receiver for _, receiver in calls] == [ANN_DIRECT]  # in the channel, the new card calls


def test_a_person_named_during_the_mute_is_called_once_with_the_others() -> None:
    bot = Bot(read(routing(), running(1), failed(2)).record)
    bot.live(routing(a_mute()), 10, 100)
    watches = (a_watch(targets=(PAGE_ANN, PAGE_BOB)),)
    bot.live(routing(a_mute(), watches=watches), 100, 110)
    calls = bot.live(routing(watches=watches), 110, 390)
    called = [receiver for _, receiver in calls]
    assert called.count(ANN_DIRECT) == called.count(ALERTS) == 1


@pytest.mark.parametrize("stored", [False, True], ids=["diagnosed since", "diagnosed meanwhile"])
def test_a_card_that_a_diagnosis_opens_after_the_silence_leaves_no_digest(*, stored: bool) -> None:
    """The diagnosis is written before `plan_silences` looks at the end of the silence."""
    muted = routing(a_mute(until=UNTIL), watches=(a_watch(targets=(PAGE_ANN,)),))
    record = read(muted, running(1), failed(2)).record
    found = Diagnosis(at=at(4), began_at=at(2), log=LogOutcome.READ, cause="schema")
    if stored:
        diagnosed = plan_diagnosed(record, replace(muted, at=at(4)), found)
        assert diagnosed
        record = diagnosed.record
    over = routing(watches=(a_watch(targets=(PAGE_ANN,)),))
    later = replace(found, at=at(UNTIL + 1), fingerprint="0123456789abcdef")
    opened = plan_diagnosed(record, replace(over, at=at(UNTIL + 1)), later)
    plans = [opened, plan_silences(opened.record if opened else record, over, at(UNTIL + 2))]
    bodies = [message.body for plan in plans if plan for message in plan.messages if message.receiver.id == ALERTS]
    assert sum(isinstance(body, SyncCard) for body in bodies) >= 1
    assert [body for body in bodies if isinstance(body, Digest)] == []
