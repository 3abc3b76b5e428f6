"""The answer with a log: which lines it has room for, and what it says about the rest."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bounded_run import BoundedRun, RunEnd
from bot.domain.diagnosis import LogFault
from bot.domain.log_lines import PodLog
from bot.domain.phase import Phase
from bot.domain.transition import PipelineState
from bot.log_redaction import redact_log
from bot.ports.details_reads import LONGEST_TAIL, LogAnswer
from bot.requests.logs import PipelineLog
from bot.slack.mrkdwn import time_of_day
from bot.slack.render.blocks import message
from bot.slack.render.log_answer import MOST_PODS_SHOWN, log_answer_blocks
from tests.builders import a_pipeline, an_observation, at
from tests.unit.rendering import LOOK, says, valid
from tests.unit.test_diagnosis_words import HOSTILE

LINK = LOOK.render_context.link(a_pipeline().id)
ERROR = "FATAL pq: column x does not exist"


def a_log(*texts: str, phase: Phase = Phase.FAILED) -> PipelineLog:
    pods = tuple(PodLog(pod=f"pod-{number}", text=text) for number, text in enumerate(texts))
    state = PipelineState(observation=an_observation(phase))
    return PipelineLog(pipeline=a_pipeline(), state=state, read=LogAnswer(at=at(0), pods=pods))


def shown_log(log: PipelineLog) -> list[str]:
    return says(valid(message(log_answer_blocks(log, LOOK.render_context))))


def code_in(texts: list[str]) -> list[str]:
    """The lines of the blocks of code."""
    blocks = [text[4:-4] for text in texts if text.startswith("```\n")]
    return [line for block in blocks for line in block.split("\n")]


def a_tail(lines: int, *, at_line: int | None = None) -> str:
    return "\n".join(ERROR if line == at_line else f"INFO batch {line} written" for line in range(lines))


def test_a_run_that_has_ended_keeps_no_log_and_promises_none() -> None:
    run = BoundedRun(at=at(0), stop=5000, height=5000, end=RunEnd.FINISHED)
    log = a_log("", phase=Phase.STOPPED)
    (text, *_) = shown_log(replace(log, state=replace(log.state, run=run)))
    assert text == f"GoldRush has no log of *orders-eu*: it finished at block 5,000, so no worker runs.\n{LINK}"
    (text, *_) = shown_log(log)
    assert text.startswith("GoldRush has no log of *orders-eu* now. It is")
    assert "so no worker runs. If it is started again: `" in text


def test_a_short_log_is_shown_whole() -> None:
    texts = shown_log(a_log(a_tail(20, at_line=19)))
    assert texts[0].startswith("*orders-eu* — the newest lines of its log, read at <!date")
    assert texts[0].endswith(f"For the whole log: {LINK}")
    assert code_in(texts)[-20:] == a_tail(20, at_line=19).split("\n")
    assert not [text for text in texts if "left out" in text or "replica" in text]


def test_a_long_log_shows_its_newest_lines_and_counts_the_rest() -> None:
    texts = shown_log(a_log(a_tail(600, at_line=599)))
    lines = code_in(texts)
    newest = lines[lines.index(ERROR) + 1 :]
    assert newest == a_tail(600, at_line=599).split("\n")[-len(newest) :]
    assert len(newest) > 200
    assert f"at least {600 - len(newest)} older lines left out" in texts


@pytest.mark.parametrize("at_line", [0, 10, 19])
def test_the_last_error_comes_first(at_line: int) -> None:
    texts = shown_log(a_log(a_tail(20, at_line=at_line)))
    assert "The last error:" in texts
    assert ERROR in code_in(texts)[:10]
    assert code_in(texts)[-20:] == a_tail(20, at_line=at_line).split("\n")


def test_a_live_pipeline_may_have_no_log() -> None:
    log = a_log("", phase=Phase.RUNNING)
    (text, *_) = shown_log(replace(log, state=replace(log.state, live=True)))
    assert text.startswith("GoldRush shows no log of *orders-eu* right now, although it is live. Try again in")


def test_a_log_that_only_the_operator_can_help_with_asks_for_no_other_try() -> None:
    problem = "GoldRush doesn't accept my key (401). Tell the people who run me."
    (text, *_) = shown_log(replace(a_log(), read=LogAnswer(at=at(0), problem=problem)))
    assert f"{problem}\n{LINK}" in text


def test_a_failed_pipeline_without_a_log_gets_a_next_step() -> None:
    (text, *_) = shown_log(a_log(""))
    assert "its worker is gone. Look at the pipeline in GoldRush, then resume or redeploy it. Once it runs:" in text


def test_an_error_that_is_older_than_these_lines_comes_first() -> None:
    lines = code_in(shown_log(a_log(a_tail(600, at_line=5))))
    assert ERROR in lines[:10]
    assert lines[-1] == "INFO batch 599 written"


def test_replicas_stay_apart_and_share_the_room() -> None:
    texts = shown_log(a_log(a_tail(300), a_tail(10), "container not found"))
    assert [text.split(" ·")[0] for text in texts if text.startswith("replica")] == [
        "replica *pod-0*",
        "replica *pod-1*",
    ]
    assert "1 replica has no log yet" in texts[-1]
    assert "INFO batch 299 written" in code_in(texts)
    assert code_in(texts).count("INFO batch 0 written") == 1


def test_many_replicas_are_counted() -> None:
    texts = shown_log(a_log(*[a_tail(600)] * 20))
    assert sum(text.startswith("replica") for text in texts) == MOST_PODS_SHOWN
    assert f"{20 - MOST_PODS_SHOWN} more replicas left out" in texts[-1]


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.STOPPED])
def test_a_pipeline_at_rest_has_no_worker(phase: Phase) -> None:
    (text, *_) = shown_log(a_log("", phase=phase))
    assert f"It is {phase}, so no worker runs. If it is started again: `/pipeline logs orders-eu`" in text


def test_a_name_and_a_problem_from_outside_stay_text() -> None:
    log = a_log()
    strange = replace(log, pipeline=replace(log.pipeline, name="<!here> `x`"))
    shown_log(strange)
    shown_log(replace(strange, read=LogAnswer(at=at(0), problem="<!channel> " * 90)))


@pytest.mark.parametrize(
    ("unread", "words"),
    [
        (LogFault.FAILED, f"at {time_of_day(at(0))}: Nothing came. Try again in a minute: `/pipeline logs orders-eu`"),
        (
            LogFault.NOT_ASKED,
            "I had no request to GoldRush free. Try again in a few seconds: `/pipeline logs orders-eu`",
        ),
        (LogFault.TOO_LARGE, f"is larger than 1 MB, too long for me to read. Open it in GoldRush:\n{LINK}"),
    ],
)
def test_an_unreadable_log_says_what_to_do(unread: LogFault, words: str) -> None:
    (text, *_) = shown_log(replace(a_log(), read=LogAnswer(at=at(0), problem="Nothing came.", unread=unread)))
    assert words in text
    assert text.endswith(LINK)
    assert "Try again" not in text or unread is not LogFault.TOO_LARGE


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_log_makes_a_valid_answer(text: str) -> None:
    shown_log(a_log(*[redact_log(text)] * 3))


@given(st.lists(st.text(max_size=LONGEST_TAIL // 20).map(lambda text: text * 20), max_size=12))
def test_any_logs_make_a_valid_answer(texts: list[str]) -> None:
    for text in shown_log(a_log(*texts)):
        assert text.count("```") in {0, 2}


@pytest.mark.parametrize("problem", ["No answer came in time. Try again in a minute.", "GoldRush answered 500."])
def test_a_log_that_nobody_could_read_asks_for_one_more_try(problem: str) -> None:
    text = "\n".join(shown_log(replace(a_log(), read=LogAnswer(at=at(0), problem=problem))))
    assert text.count("Try again in a minute: `/pipeline logs orders-eu`") == 1
    assert text.count("Try again") == 1
