"""How often a pipeline is read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cadence import RETRY_SECONDS, SHARE_FOR_POLLING, Cadence, offset, period, stretch
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.transition import PipelineState, Reach
from tests.builders import an_observation, at

CADENCE = Cadence(steady_seconds=15, transient_seconds=3, at_rest_seconds=60, fresh_failure_seconds=120)


def standing(phase: Phase, *, ready: int | None = 1, failed_at: float | None = None, **more: object) -> PipelineState:
    state = PipelineState(
        observation=an_observation(phase, ready=ready), failed_since=at(failed_at) if failed_at is not None else None
    )
    return replace(state, **more)  # type: ignore[arg-type]  # fields of the standing


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        (PipelineState(), 15),
        (standing(Phase.RUNNING), 15),
        (standing(Phase.RUNNING, ready=None), 15),
        (standing(Phase.RUNNING, ready=0), 3),
        (standing(Phase.RUNNING, failed_at=1), 15),
        (standing(Phase.DEPLOYING), 3),
        (standing(Phase.STOPPING), 3),
        (standing(Phase.PAUSED), 60),
        (standing(Phase.STOPPED), 60),
        (standing(Phase("HIBERNATING")), 15),
        (standing(Phase("running")), 15),
        (standing(Phase.FAILED, failed_at=81), 3),
        (standing(Phase.FAILED, failed_at=80), 15),
        (standing(Phase.FAILED, failed_at=0), 15),
        (standing(Phase.FAILED), 15),
        (standing(Phase.RUNNING, failed_reads=1), 1),
        (standing(Phase.PAUSED, failed_reads=1), 1),
        (PipelineState(failed_reads=1), 1),
        (standing(Phase.RUNNING, failed_reads=2), 15),
        (standing(Phase.DEPLOYING, failed_reads=2), 3),
        (standing(Phase.PAUSED, failed_reads=3, reach=Reach.UNREACHABLE), 15),
        (standing(Phase.DEPLOYING, failed_reads=3, reach=Reach.GONE), 15),
    ],
)
def test_the_period_follows_the_standing(state: PipelineState, seconds: float) -> None:
    assert period(state, at(200), CADENCE) == seconds


def test_a_retry_is_sooner_than_every_other_period() -> None:
    assert min(CADENCE.steady_seconds, CADENCE.transient_seconds, CADENCE.at_rest_seconds) > RETRY_SECONDS


@pytest.mark.parametrize(
    ("periods", "budget", "factor"),
    [
        ([], 4, 1),
        ([15] * 51, 4, 1),  # 3.4 a second is the polling's share of 4
        ([15] * 102, 4, 2),
        ([3] * 100, 4, 100 / 3 / 3.4),
        ([60, 3, 15], 0.1, (1 / 60 + 1 / 3 + 1 / 15) / 0.085),
    ],
)
def test_beyond_the_budget_all_periods_grow_evenly(periods: list[float], budget: float, factor: float) -> None:
    assert stretch(periods, budget) == pytest.approx(factor)


@given(st.lists(st.floats(0.5, 3600), max_size=300), st.floats(0.1, 100))
def test_stretched_periods_fit_the_share_and_unstretched_ones_are_as_wanted(
    periods: list[float], budget: float
) -> None:
    factor = stretch(periods, budget)
    spent = sum(1 / (seconds * factor) for seconds in periods)
    assert factor >= 1
    assert spent <= budget * SHARE_FOR_POLLING * 1.000001
    if factor > 1:
        assert spent == pytest.approx(budget * SHARE_FOR_POLLING)


@given(st.text(min_size=1), st.floats(0.5, 3600))
def test_a_pipeline_has_its_place_in_the_period(name: str, seconds: float) -> None:
    place = offset(PipelineId(name), seconds)
    assert 0 <= place < seconds
    assert place == offset(PipelineId(name), seconds)


def test_places_are_spread_evenly() -> None:
    places = [offset(PipelineId(f"pipe_{number}"), 10) for number in range(1000)]
    in_each = [sum(start <= place < start + 1 for place in places) for start in range(10)]
    assert min(in_each) > 60
    assert max(in_each) < 140
