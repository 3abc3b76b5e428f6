"""What is usual for a pipeline, from when on it is stuck, and what contradicts its owner's intent."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from bot.domain.deployment_plan import overdue_deployment, plan_expected
from bot.domain.overdue import (
    FLOOR,
    GRACE,
    UNKNOWN,
    WITHOUT_HISTORY,
    UsualDuration,
    UsualDurations,
    contradicts,
    drift,
    limit,
    overdue_at,
    stuck,
    stuck_at,
    usual_durations,
)
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Record, plan_reading
from bot.domain.transition import Event, PipelineState, Reach, Transition
from tests.builders import ORDERS, a_pipeline, a_routing, an_observation, at
from tests.unit.rendering import shown

MINUTE = timedelta(minutes=1)
PHASES = {
    Event.DEPLOYING: Phase.DEPLOYING,
    Event.RESTARTED: Phase.DEPLOYING,
    Event.STUCK: Phase.DEPLOYING,
    Event.STOPPING: Phase.STOPPING,
    Event.STOPPED: Phase.STOPPED,
    Event.PAUSED: Phase.PAUSED,
    Event.FAILED: Phase.FAILED,
}


def history(*steps: tuple[Event, float], gap: float = 5) -> Iterator[Transition]:
    """Each event, and the minutes since the one before."""
    minutes = 0.0
    for event, later in steps:
        minutes += later
        moment = at(60 * minutes)
        phase = PHASES.get(event, Phase.RUNNING)
        yield Transition(event=event, pipeline_id=ORDERS, at=moment, phase=phase, after=moment - timedelta(seconds=gap))


def deployments(*minutes: float) -> list[tuple[Event, float]]:
    """Each with its time to RUNNING; it is live one minute later, and the next one begins after an hour."""
    return [
        step for duration in minutes for step in ((Event.DEPLOYING, 60), (Event.RUNNING, duration), (Event.LIVE, 1))
    ]


def usual(*steps: tuple[Event, float], gap: float = 5) -> UsualDurations:
    return usual_durations(history(*steps, gap=gap))


# --- what is usual ---------------------------------------------------------------------------------------------------


def test_five_deployments_say_what_is_usual() -> None:
    few = usual(*deployments(3, 2, 4, 3)).deploying
    assert few
    assert not few.is_known
    found = usual(*deployments(3, 2, 4, 3, 9))
    assert found.deploying == UsualDuration(middle=3 * MINUTE, slowest=9 * MINUTE, number=5)
    assert found.to_live == UsualDuration(middle=4 * MINUTE, slowest=10 * MINUTE, number=5)
    assert found.deploying.is_known
    assert found.stopping is None


def test_one_slow_deployment_in_twenty_is_not_usual() -> None:
    found = usual(*deployments(*[3] * 19, 40)).deploying
    assert found
    assert found.slowest == 3 * MINUTE


@pytest.mark.parametrize("end", [Event.STOPPED, Event.PAUSED, Event.DEPLOYING])
def test_a_stop_ends_with_each_phase_that_follows_it(end: Event) -> None:
    found = usual(*[step for _ in range(5) for step in ((Event.STOPPING, 60), (end, 2), (Event.RUNNING, 1))])
    assert found.stopping == UsualDuration(middle=2 * MINUTE, slowest=2 * MINUTE, number=5)


@pytest.mark.parametrize("between", [Event.FAILED, Event.STOPPING, Event.UNREACHABLE, Event.UNWATCHED, Event.CHANGED])
def test_a_deployment_that_did_not_just_pass_teaches_nothing(between: Event) -> None:
    spoilt = [
        step for _ in range(9) for step in ((Event.DEPLOYING, 60), (between, 30), (Event.RUNNING, 1), (Event.LIVE, 1))
    ]
    assert usual(*spoilt) == replace(UNKNOWN, stopping=usual(*spoilt).stopping)


def test_a_deployment_that_began_again_counts_from_then_on() -> None:
    again = [
        step
        for _ in range(5)
        for step in ((Event.DEPLOYING, 60), (Event.RESTARTED, 20), (Event.RUNNING, 3), (Event.LIVE, 1))
    ]
    found = usual(*again).deploying
    assert found
    assert found.slowest == 3 * MINUTE


def test_a_duration_between_distant_readings_teaches_nothing() -> None:
    assert usual(*deployments(3, 3, 3, 3, 3), gap=90) == UNKNOWN


def test_a_stuck_deployment_counts_once_most_are_like_it() -> None:
    slow = [(Event.DEPLOYING, 60.0), (Event.STUCK, 15.0), (Event.RUNNING, 30.0), (Event.LIVE, 1.0)]
    once = usual(*deployments(*[3] * 5), *slow).deploying
    always = usual(*deployments(*[3] * 5), *slow, *slow, *slow).deploying
    assert once
    assert always
    assert once.slowest == 3 * MINUTE
    assert always.slowest == 45 * MINUTE


def test_every_kind_of_event_can_be_in_a_history() -> None:
    usual(*[(event, 1.0) for event in [*Event, *Event]])
    assert usual() == UNKNOWN


# --- stuck -----------------------------------------------------------------------------------------------------------

_ONE_MINUTE = UsualDuration(middle=MINUTE, slowest=MINUTE, number=50)
QUICK = UsualDurations(deploying=_ONE_MINUTE, to_live=_ONE_MINUTE, stopping=_ONE_MINUTE)


def state(phase: Phase, since: float = 0, *, start_time: datetime | None = None, read: int = 3600) -> PipelineState:
    observation = an_observation(phase, read, ready=0, start_time=start_time)
    return PipelineState(observation=observation, since=at(since), start_time=start_time)


@pytest.mark.parametrize(
    ("middle", "slowest", "number", "longest"),
    [
        (1, 1, 1, 30),
        (20, 20, 4, 60),
        (1, 1, 5, 11),
        (3, 5, 5, 20),
        (3, 5, 50, 15),
        (20, 30, 50, 66),
        (6, 18, 50, 54),
        (6, 24, 50, 60),
    ],
)
def test_the_limit_follows_the_slowest_and_how_sure_that_is(
    middle: int, slowest: int, number: int, longest: int
) -> None:
    known = UsualDuration(middle=middle * MINUTE, slowest=slowest * MINUTE, number=number)
    assert limit(known) == longest * MINUTE
    assert limit(known) >= FLOOR


def test_a_pipeline_without_history_gets_an_hour() -> None:
    assert limit(None) == WITHOUT_HISTORY


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.PAUSED, Phase.STOPPED, Phase.FAILED, Phase("HIBERNATING")])
def test_only_a_phase_that_should_pass_gets_stuck(phase: Phase) -> None:
    assert stuck_at(state(phase), UNKNOWN) is None
    assert stuck(state(phase), UNKNOWN, at(10**6)) is None


def test_an_unreadable_pipeline_is_not_stuck() -> None:
    assert stuck_at(replace(state(Phase.DEPLOYING), reach=Reach.UNREACHABLE), UNKNOWN) is None


def test_the_reading_must_be_later_than_the_limit() -> None:
    assert stuck(state(Phase.STOPPING), QUICK, at(659)) is None
    found = stuck(state(Phase.STOPPING), QUICK, at(660))
    assert found
    assert (found.event, found.since) == (Event.STUCK, at(0))


def test_a_restart_moves_the_limit_up_to_three_times() -> None:
    def limit_after(seconds: float) -> datetime | None:
        return stuck_at(state(Phase.DEPLOYING, start_time=at(seconds)), QUICK)

    assert [limit_after(seconds) for seconds in (-100, 0, 600, 1300, 3000)] == [
        *(at(660), at(660), at(1260), at(1960), at(1980))
    ]
    assert stuck_at(state(Phase.STOPPING, start_time=at(300)), QUICK) == at(660)


def test_a_start_time_in_the_future_moves_nothing_beyond_the_reading() -> None:
    assert stuck_at(state(Phase.DEPLOYING, start_time=at(10**6), read=60), QUICK) == at(720)


# --- drift -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intent", "phase", "expected"),
    [
        (Intent.RUNNING, Phase.PAUSED, True),
        (Intent.RUNNING, Phase.STOPPED, True),
        (Intent.RUNNING, Phase.STOPPING, False),
        (Intent.RUNNING, Phase.DEPLOYING, False),
        (Intent.RUNNING, Phase.RUNNING, False),
        (Intent.RUNNING, Phase.FAILED, False),
        (Intent.PAUSED, Phase.RUNNING, True),
        (Intent.PAUSED, Phase.DEPLOYING, True),
        (Intent.PAUSED, Phase.STOPPING, False),
        (Intent.PAUSED, Phase.PAUSED, False),
        (Intent.PAUSED, Phase.STOPPED, False),
        (Intent.PAUSED, Phase.FAILED, False),
        (Intent.PAUSED, Phase("HIBERNATING"), False),
        (Intent.RUNNING, Phase("HIBERNATING"), False),
        *((None, phase, False) for phase in Phase),
    ],
)
def test_some_phases_contradict_the_owner(intent: Intent | None, phase: Phase, expected: bool) -> None:
    pipeline = replace(a_pipeline(), intent=intent)
    assert contradicts(state(phase), pipeline) is expected
    assert not contradicts(replace(state(phase), failed_since=at(0)), pipeline)
    assert not contradicts(replace(state(phase), reach=Reach.GONE), pipeline)
    assert not contradicts(PipelineState(), pipeline)


def test_a_bounded_run_may_stop_by_itself() -> None:
    bounded = replace(a_pipeline(), bounded=True)
    assert not contradicts(state(Phase.STOPPED), bounded)
    assert contradicts(state(Phase.PAUSED), bounded)


def test_a_drift_outlasts_the_grace_period_in_a_reading() -> None:
    pipeline = a_pipeline()
    assert drift(pipeline, at(0), None) is None
    assert drift(pipeline, at(0), at(0) + GRACE - timedelta(seconds=1)) is None
    found = drift(pipeline, at(0), at(0) + GRACE)
    assert found
    assert (found.event, found.since, found.intent) == (Event.DRIFT, at(0), Intent.RUNNING)


# --- the card of a deployment ----------------------------------------------------------------------------------------

USUAL = UsualDuration(middle=3 * MINUTE, slowest=5 * MINUTE, number=20)


def deploying(*phases: Phase) -> Record:
    record = Record(pipeline_id=ORDERS)
    for read, phase in enumerate(phases, 1):
        record = plan_reading(record, an_observation(phase, read, ready=0), a_routing()).record
    return record


def test_a_deployment_shows_what_is_usual_and_since_when_it_is_overdue() -> None:
    record = deploying(Phase.PAUSED, Phase.DEPLOYING)
    begun = plan_expected(record, a_routing(), USUAL, at(10))
    assert begun
    assert "Usually live after 3 min" in shown(begun.cards[0]).text
    assert "overdue" not in shown(begun.cards[0]).text
    assert plan_expected(begun.record, a_routing(), USUAL, at(301)) is None
    late = plan_expected(begun.record, a_routing(), USUAL, at(303))
    assert late
    assert "Usually live after 3 min, overdue since" in shown(late.cards[0]).text
    assert [len(plan.messages) for plan in (begun, late)] == [1, 1]
    assert [overdue_deployment(plan.record) is not None for plan in (begun, late)] == [False, True]
    live = replace(late.record, state=replace(late.record.state, live=True))
    assert overdue_deployment(live) is None
    assert plan_expected(late.record, a_routing(), USUAL, at(900)) is None


@pytest.mark.parametrize(
    "phases", [(Phase.DEPLOYING,), (Phase.RUNNING, Phase.PAUSED), (Phase.DEPLOYING, Phase.RUNNING), (Phase.FAILED,)]
)
def test_nothing_is_expected_of_what_the_bot_did_not_see_begin(phases: Sequence[Phase]) -> None:
    assert plan_expected(deploying(*phases), a_routing(), USUAL, at(10)) is None


def test_a_deployment_is_overdue_a_minute_after_the_usual_time_at_the_earliest() -> None:
    even = UsualDuration(middle=MINUTE, slowest=MINUTE, number=20)
    times = [overdue_at(at(0), even), overdue_at(at(0), USUAL)]
    assert times == [at(120), at(300)]
    assert all(first < second for first, second in pairwise(times))
