"""What needs attention, in which order, and which pipelines a word for a state means."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.answer import PipelineView
from bot.domain.attention import OF_HEALTHY, STUCK_AFTER, StateFilter, Trouble, is_in, trouble, troubles, worst_first
from bot.domain.episode import Acknowledgement
from bot.domain.phase import Phase
from bot.domain.transition import PipelineState, Reach, is_plainly_healthy
from tests.builders import ANN, a_pipeline, an_observation, at

NOW = at(3600)


def standing(phase: Phase, *, ready: int | None = 1, replicas: int | None = 1, **more: object) -> PipelineState:
    made = PipelineState(observation=an_observation(phase, 5, ready=ready, replicas=replicas), since=at(5))
    return replace(made, **more)  # type: ignore[arg-type]  # fields of the standing


WELL = standing(Phase.RUNNING)
FAILED = standing(Phase.FAILED, ready=0, failed_since=at(5))
DEGRADED = standing(Phase.RUNNING, ready=0)
BLIND = standing(Phase.RUNNING, reach=Reach.UNREACHABLE)
GONE = standing(Phase.RUNNING, reach=Reach.GONE)
FAILED_BLIND = replace(FAILED, reach=Reach.UNREACHABLE)
RECOVERING = standing(Phase.DEPLOYING, ready=0, failed_since=at(5), since=NOW)
STUCK = standing(Phase.DEPLOYING, ready=0, since=NOW - STUCK_AFTER)
DEPLOYING = standing(Phase.DEPLOYING, ready=0, since=NOW - STUCK_AFTER + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("is_so", "found"),
    [
        (WELL, None),
        (PipelineState(), None),
        (standing(Phase.PAUSED), None),
        (standing(Phase.STOPPED), None),
        (standing(Phase("ARCHIVING")), None),
        (DEPLOYING, None),
        (FAILED, Trouble.FAILED),
        (FAILED_BLIND, Trouble.FAILED),
        (BLIND, Trouble.UNREACHABLE),
        (PipelineState(reach=Reach.UNREACHABLE), Trouble.UNREACHABLE),
        (GONE, Trouble.GONE),
        (DEGRADED, Trouble.DEGRADED),
        (RECOVERING, Trouble.RECOVERING),
        (STUCK, Trouble.STUCK),
        (replace(STUCK, since=None), None),
    ],
)
def test_each_trouble_needs_attention(is_so: PipelineState, found: Trouble | None) -> None:
    assert trouble(is_so, NOW) is found


def view(name: str, is_so: PipelineState) -> PipelineView:
    return PipelineView(pipeline=a_pipeline(name), state=is_so)


def test_the_worst_comes_first_and_the_rest_keeps_its_order() -> None:
    unsorted = [
        view("a", WELL),
        view("b", STUCK),
        view("c", GONE),
        view("d", RECOVERING),
        view("e", DEGRADED),
        view("f", BLIND),
        view("g", FAILED),
        view("h", PipelineState()),
        view("i", FAILED_BLIND),
    ]
    assert "".join(view.pipeline.name for view in worst_first(unsorted, NOW)) == "gifecdbah"
    assert [(kind.value, number) for kind, number in troubles(unsorted, NOW).items()] == [
        ("failed", 2),
        ("unreachable", 1),
        ("degraded", 1),
        ("gone", 1),
        ("not recovered yet", 1),
        ("stuck", 1),
    ]


@pytest.mark.parametrize(
    ("is_so", "words"),
    [
        (WELL, {StateFilter.RUNNING, StateFilter.LIVE}),
        (DEGRADED, {StateFilter.RUNNING, StateFilter.DEGRADED}),
        (FAILED, {StateFilter.FAILED}),
        (FAILED_BLIND, {StateFilter.FAILED, StateFilter.UNREACHABLE}),
        (BLIND, {StateFilter.RUNNING, StateFilter.UNREACHABLE}),
        (GONE, {StateFilter.GONE}),
        (standing(Phase.PAUSED), {StateFilter.PAUSED}),
        (standing(Phase("ARCHIVING")), set()),
        (PipelineState(), set()),
    ],
)
def test_which_words_ask_for_a_pipeline(is_so: PipelineState, words: set[StateFilter]) -> None:
    assert {state for state in StateFilter if is_in(is_so, [state])} == words
    assert is_in(is_so, [])


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("phase", [*Phase, Phase("ARCHIVING")])
@pytest.mark.parametrize("ready", [None, 0, 1, 2])
def test_a_plainly_healthy_pipeline_is_in_no_state_of_trouble(phase: Phase, ready: int | None, reach: Reach) -> None:
    """So an answer about states of trouble looks at the other pipelines only."""
    state = standing(phase, ready=ready, reach=reach)
    assert not is_plainly_healthy(state) or not is_in(state, set(StateFilter) - OF_HEALTHY)


def test_of_equal_troubles_the_unanswered_come_first_and_then_the_oldest() -> None:
    acknowledged = Acknowledgement(by=ANN, at=at(9), name="Ann")

    def failed(name: str, seconds: float, answer: Acknowledgement | None = None) -> PipelineView:
        state = standing(Phase.FAILED, ready=0, failed_since=at(seconds))
        return PipelineView(pipeline=a_pipeline(name), state=state, acknowledged=answer)

    well = PipelineView(pipeline=a_pipeline("well"), state=WELL)
    views = [well, failed("oldest", 1, acknowledged), failed("newer", 30), failed("older", 20)]
    assert [view.pipeline.name for view in worst_first(views, NOW)] == ["older", "newer", "oldest", "well"]
