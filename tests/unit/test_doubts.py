"""Where nobody knows how a pipeline is now, that comes first, on every answer that shows it."""

from dataclasses import replace

import pytest

from bot.domain.answer import ListAnswer, PipelineView, StatusAnswer, WatchAnswer, WatchedView, WatchesAnswer
from bot.domain.phase import Phase
from bot.domain.subscription import Edit
from bot.domain.transition import PipelineState, Reach
from bot.slack.render.saved_question import SavedQuestion
from tests.builders import ALERTS, a_pipeline, a_watch, an_observation, at
from tests.unit.rendering import LOOK, tells_all

RUNNING = PipelineState(observation=an_observation(ready=2, replicas=2), since=at(1))
AWAY = "GoldRush didn't answer within 5 s."


def doubtful(standing: PipelineState = RUNNING, problem: str | None = AWAY) -> PipelineView:
    return PipelineView(pipeline=a_pipeline(), state=standing, watched_here=True, problem=problem)


@pytest.mark.parametrize(
    ("view", "says"),
    [
        (doubtful(), "last seen RUNNING 40 s ago"),
        (doubtful(PipelineState(observation=an_observation(Phase.FAILED, ready=0))), "last seen FAILED 40 s ago"),
        (doubtful(replace(RUNNING, reach=Reach.UNREACHABLE), None), "can't be read, last seen RUNNING 40 s ago"),
        (doubtful(PipelineState()), "not read yet"),
        (doubtful(replace(RUNNING, reach=Reach.GONE)), "no longer visible: deleted, or access changed"),
    ],
)
def test_one_pipeline_leads_with_the_doubt(view: PipelineView, says: str) -> None:
    message = tells_all(LOOK.answer(StatusAnswer(views=(view,), at=at(41)), SavedQuestion(text="status")))
    assert message.text.split("\n")[0] == f"orders-eu — {says}"
    assert "green" not in str(message.blocks)
    assert ", live" not in message.text


def test_every_answer_leads_with_the_doubt() -> None:
    views, watch = (doubtful(), doubtful()), a_watch()
    for answer in (
        StatusAnswer(views=views, at=at(41)),
        StatusAnswer(views=views, whole_channel=True, channel=ALERTS, at=at(41)),
        ListAnswer(views=views, at=at(41)),
        WatchesAnswer(channel=ALERTS, watches=(WatchedView(watch=watch, covers=views),), at=at(41)),
        WatchAnswer(channel=ALERTS, edits=(Edit(after=watch),), matched=views, at=at(41)),
    ):
        for shared in (False, True):
            message = tells_all(LOOK.answer(answer, SavedQuestion(text="status", shared=shared)))
            assert "last seen RUNNING 40 s ago" in message.text
            assert "green" not in str(message.blocks)
            assert ", live" not in message.text


def test_the_reason_stands_above_many_once_with_the_end_of_the_wait() -> None:
    views = tuple(replace(doubtful(), wait_until=at(600)) for _ in range(3))
    message = LOOK.answer(StatusAnswer(views=views, at=at(41)), SavedQuestion(text="status"))
    assert message.text.startswith(
        f"I couldn't read these 3 pipelines just now: {AWAY} I'll try again at <!date^{int(at(600).timestamp())}^"
    )
    assert message.text.count(AWAY) == 1


def test_an_unreadable_failed_pipeline_stays_red() -> None:
    view = doubtful(PipelineState(observation=an_observation(Phase.FAILED, ready=0)))
    assert ":red_circle:" in str(LOOK.answer(StatusAnswer(views=(view,), at=at(41)), SavedQuestion()).blocks)


def test_a_heading_over_a_state_says_that_it_was_last_seen() -> None:
    views = (doubtful(), doubtful())
    message = LOOK.answer(
        StatusAnswer(views=views, considered=views, states=("live",), at=at(41)), SavedQuestion(text="status live")
    )
    assert "2 of 2 pipelines were last seen live" in message.text
    none = LOOK.answer(StatusAnswer(views=(), considered=views, states=("failed",), at=at(41)), SavedQuestion())
    assert "No pipeline was last seen FAILED" in none.text


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ((), "I haven't read 1 of 1 pipeline yet. Ask again in a moment"),
        ((doubtful(),), "I haven't read 1 of 2 pipelines yet. None of the others was last seen FAILED. Ask again"),
    ],
)
def test_no_failure_is_no_all_clear_while_pipelines_are_unread(others: tuple[PipelineView, ...], words: str) -> None:
    unread = doubtful(PipelineState())
    answers = (
        StatusAnswer(views=(), considered=(*others, unread), states=("failed",), at=at(41)),
        ListAnswer(views=(), considered=(*others, unread), states=("failed",), at=at(41)),
    )
    for answer in answers:
        problem, head = LOOK.answer(answer, SavedQuestion()).text.split("\n")
        assert problem.startswith("I couldn't read some pipelines just now: ")
        assert head.startswith(words)


def test_a_pipeline_that_is_gone_stays_unread_for_ever() -> None:
    gone_view = doubtful(PipelineState(reach=Reach.GONE))
    answer = StatusAnswer(views=(), considered=(gone_view,), states=("failed",), at=at(41))
    assert LOOK.answer(answer, SavedQuestion()).text.startswith("No pipeline is FAILED · 1 in all")
