"""How often a pipeline is read, and what the bot learns for it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from math import exp
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cadence import RETRY_SECONDS, Cadence, Key, Pace, Periods, pace, periods
from bot.domain.failure_rates import MOST_STEPS, STEP, Evidence, FailureRates, Track, evidence, weight
from bot.domain.phase import Phase
from bot.domain.transition import PipelineState, Reach
from tests.builders import an_observation, at

CADENCE = Cadence(steady_seconds=5, transient_seconds=3, at_rest_seconds=60, fresh_failure_seconds=120)


def standing(phase: Phase, *, ready: int | None = 1, failed_at: float | None = None, **more: object) -> PipelineState:
    state = PipelineState(
        observation=an_observation(phase, ready=ready), failed_since=at(failed_at) if failed_at is not None else None
    )
    return replace(state, **more)  # type: ignore[arg-type]  # fields of the standing


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (PipelineState(), Pace.STEADY),
        (standing(Phase.RUNNING), Pace.STEADY),
        (standing(Phase.RUNNING, ready=None), Pace.STEADY),
        (standing(Phase.RUNNING, ready=0), Pace.TRANSIENT),
        (standing(Phase.RUNNING, failed_at=1), Pace.STEADY),
        (standing(Phase.DEPLOYING), Pace.TRANSIENT),
        (standing(Phase.STOPPING), Pace.TRANSIENT),
        (standing(Phase.PAUSED), Pace.AT_REST),
        (standing(Phase.STOPPED), Pace.AT_REST),
        (standing(Phase("HIBERNATING")), Pace.STEADY),
        (standing(Phase("running")), Pace.STEADY),
        (standing(Phase.FAILED, failed_at=81), Pace.TRANSIENT),
        (standing(Phase.FAILED, failed_at=80), Pace.STEADY),
        (standing(Phase.FAILED, failed_at=0), Pace.STEADY),
        (standing(Phase.FAILED), Pace.STEADY),
        (standing(Phase.RUNNING, failed_reads=1), Pace.RETRY),
        (standing(Phase.PAUSED, failed_reads=1), Pace.RETRY),
        (PipelineState(failed_reads=1), Pace.RETRY),
        (standing(Phase.RUNNING, failed_reads=2), Pace.STEADY),
        (standing(Phase.DEPLOYING, failed_reads=2), Pace.TRANSIENT),
        (standing(Phase.PAUSED, failed_reads=3, reach=Reach.UNREACHABLE), Pace.STEADY),
        (standing(Phase.DEPLOYING, failed_reads=3, reach=Reach.GONE), Pace.STEADY),
    ],
)
def test_the_pace_follows_the_state(state: PipelineState, expected: Pace) -> None:
    assert pace(state, at(200), CADENCE) is expected


def test_a_retry_is_sooner_than_every_other_period() -> None:
    assert min(CADENCE.steady_seconds, CADENCE.transient_seconds, CADENCE.at_rest_seconds) > RETRY_SECONDS


@pytest.mark.parametrize(("pipelines", "rate", "seconds"), [(20, 4, 60), (80, 4, 60), (300, 4, 225), (300, 40, 60)])
def test_the_promised_age_grows_with_the_fleet(pipelines: int, rate: float, seconds: float) -> None:
    assert Cadence().promised(pipelines, rate) == seconds
    assert Cadence(promised_seconds=30).promised(pipelines, rate) == 30


# --- sharing the budget ------------------------------------------------------------------------------------------

RATES = st.floats(0.1, 1000)
COUNTS = st.dictionaries(
    st.builds(
        lambda step, at_rest: Key(Pace.AT_REST if at_rest else Pace.STEADY, 0 if at_rest else step),
        st.integers(-20, 20),
        st.booleans(),
    ),
    st.integers(1, 5000),
    min_size=1,
    max_size=12,
)
ALL_COUNTS = st.dictionaries(
    st.builds(Key, st.sampled_from(Pace), st.just(0)), st.integers(1, 5000), min_size=1, max_size=4
)


def shared(counts: Mapping[Key, int], rate: float, promised: float = 225.0) -> Periods:
    return periods(counts, {key: weight(key.step) for key in counts}, rate, CADENCE, promised)


def cost(counts: Mapping[Key, int], planned: Periods) -> float:
    return sum(number / planned.of[key] for key, number in counts.items())


@given(COUNTS, RATES)
def test_the_budget_is_spent_unless_all_are_read_as_often_as_allowed(counts: dict[Key, int], rate: float) -> None:
    planned = shared(counts, rate)
    spent = cost(counts, planned)
    assert spent <= rate * 1.000001
    if any(seconds > CADENCE.steady_seconds * 1.000001 for seconds in planned.of.values()):
        assert spent == pytest.approx(rate)


@given(ALL_COUNTS, RATES)
def test_urgent_paces_never_spend_more_than_the_budget(counts: dict[Key, int], rate: float) -> None:
    planned = shared(counts, rate)
    assert cost(counts, planned) <= rate * 1.25
    assert all(seconds < float("inf") for seconds in planned.of.values())


@given(COUNTS, RATES)
def test_no_pipeline_starves(counts: dict[Key, int], rate: float) -> None:
    planned = shared(counts, rate)
    if planned.affordable:
        assert max(planned.of.values()) <= 225 * 1.000001
    else:
        slowest = sum(counts.values()) / rate
        assert max(planned.of.values()) <= slowest * 1.000001


@given(COUNTS, RATES)
def test_a_pipeline_that_fails_more_is_read_at_least_as_often(counts: dict[Key, int], rate: float) -> None:
    of = shared(counts, rate).of
    steady = sorted(key for key in of if key.pace is Pace.STEADY)
    assert all(of[later] <= of[earlier] * 1.000001 for earlier, later in pairwise(steady))


@given(COUNTS, RATES, st.floats(1.0, 3.0))
def test_a_larger_budget_delays_no_read(counts: dict[Key, int], rate: float, factor: float) -> None:
    before, after = shared(counts, rate).of, shared(counts, rate * factor).of
    assert all(after[key] <= before[key] * 1.000001 for key in counts)


def test_free_periods_follow_the_square_root_of_the_rates() -> None:
    often, seldom = Key(Pace.STEADY, 5), Key(Pace.STEADY, -5)
    of = shared({often: 10, seldom: 90}, 4.0).of
    assert of[seldom] / of[often] == pytest.approx(exp(5 * 2 * STEP / 2))


@pytest.mark.parametrize(("number", "rate", "seconds"), [(20, 4, 5), (60, 4, 15), (300, 4, 75), (6, 4, 5)])
def test_few_pipelines_use_the_whole_budget_down_to_the_floor(number: int, rate: float, seconds: float) -> None:
    assert shared({Key(Pace.STEADY): number}, rate).of == {Key(Pace.STEADY): pytest.approx(seconds)}


def test_pipelines_at_rest_are_read_rarely_unless_the_budget_is_free() -> None:
    steady, at_rest = Key(Pace.STEADY), Key(Pace.AT_REST)
    assert shared({steady: 30, at_rest: 30}, 4.0).of[at_rest] == 60
    assert shared({steady: 5, at_rest: 5}, 4.0).of[at_rest] == 5


def test_transient_pipelines_are_capped_while_others_need_the_budget() -> None:
    transient, steady = Key(Pace.TRANSIENT), Key(Pace.STEADY)
    assert shared({transient: 2, steady: 300}, 4.0).of[transient] == 3
    assert shared({transient: 50, steady: 300}, 4.0).of[transient] == pytest.approx(50 / 1.6)
    assert shared({transient: 100}, 4.0).of[transient] == pytest.approx(25)


def test_a_promise_that_the_budget_cannot_pay_for_is_not_kept() -> None:
    planned = shared({Key(Pace.STEADY): 300}, 1.0, promised=60)
    assert not planned.affordable
    assert planned.of[Key(Pace.STEADY)] == pytest.approx(300)


# --- learning ------------------------------------------------------------------------------------------------------

DAY = 86_400.0


def learned(tracks: list[Track]) -> FailureRates:
    rates = FailureRates()
    for track in tracks:
        rates.add(evidence(track, 0.0))
    rates.learn()
    return rates


def test_equal_pipelines_keep_nearly_equal_periods_whatever_chance_does() -> None:
    chance = Random(1)  # noqa: S311
    tracks = [Track(sum(chance.random() < 0.1 for _ in range(30)), 30 * DAY) for _ in range(300)]
    rates = learned(tracks)
    steps = Counter(Key(Pace.STEADY, rates.step(evidence(track, 0.0))) for track in tracks)
    planned = shared(steps, 4.0)
    even = 300 / 4
    assert sum(number * planned.of[key] for key, number in steps.items()) / 300 == pytest.approx(even, rel=0.02)


def test_a_fleet_of_which_a_tenth_fails_right_after_the_first_start_keeps_nearly_equal_periods() -> None:
    rates = FailureRates()
    known: list[Evidence] = []
    for minute, failed in enumerate((1, 16, 46, 60, 60, 60, 60), start=1):
        for one in known:
            rates.remove(one)
        known = [evidence(Track(int(number < failed), 60.0 * minute), 0.0) for number in range(600)]
        for one in known:
            rates.add(one)
        rates.learn()
        steps = Counter(Key(Pace.STEADY, rates.step(one)) for one in known)
        planned = shared(steps, 10.0)
        assert sum(number * planned.of[key] for key, number in steps.items()) / 600 <= 60.0 * 1.02


def test_pipelines_that_fail_ten_times_as_often_are_recognised() -> None:
    often, seldom = Track(30, 30 * DAY), Track(3, 30 * DAY)
    rates = learned([often] * 10 + [seldom] * 90)
    apart = rates.step(evidence(often, 0.0)) - rates.step(evidence(seldom, 0.0))
    assert exp(apart * STEP) == pytest.approx(10, rel=0.35)
    assert rates.step(evidence(seldom, 0.0)) < rates.step(evidence(Track(), 0.0)) < rates.step(evidence(often, 0.0))


def test_without_failures_all_pipelines_count_the_same() -> None:
    rates = learned([Track(0, 30 * DAY)] * 3 + [Track(0, DAY)])
    assert rates.step(evidence(Track(0, 30 * DAY), 0.0)) == rates.step(evidence(Track(), 0.0)) == 0


@given(st.lists(st.tuples(st.integers(0, 999), st.floats(0, 1e8)), min_size=1, max_size=20))
def test_every_track_gets_a_step_and_more_failures_never_a_lower_one(given: list[tuple[int, float]]) -> None:
    rates = learned([Track(failures, seconds) for failures, seconds in given])
    for failures, seconds in given:
        fewer, more = (rates.step(evidence(Track(number, seconds), 0.0)) for number in (failures, failures + 1))
        assert -MOST_STEPS <= fewer <= more <= MOST_STEPS


def test_a_running_pipeline_gains_exposure_with_time() -> None:
    track = Track(0, 100.0, running_since=50.0)
    assert track.exposure(60.0) == 110.0
    assert evidence(track, 10 * DAY).exposure > evidence(track, DAY).exposure > evidence(track, 60.0).exposure
