"""The words of `ack`, `snooze`, `takeover` and `resolve`: what is a name, a time and a remark."""

from datetime import time, timedelta

import pytest

from bot.domain.names import Names
from bot.domain.observation import PipelineId
from bot.domain.wall_clock import NamedMoment
from bot.slack.feature import UsageError
from bot.slack.features.answer_commands import AnswerCommand
from bot.slack.grammar.answer_words import joined_take_over, time_length
from bot.slack.grammar.in_thread import with_pipeline
from bot.slack.routes import ROUTES
from tests.builders import a_pipeline

NAMES = Names(
    [
        a_pipeline("orders-eu"),
        a_pipeline("Base Swaps", pipeline_id=PipelineId("pipe_2")),
        a_pipeline("sync every 5 min", pipeline_id=PipelineId("pipe_3")),
    ]
)
TWENTY = NamedMoment(after=timedelta(minutes=20))


def parsed(text: str) -> AnswerCommand:
    command = ROUTES.parse(joined_take_over(text), NAMES)
    assert isinstance(command, AnswerCommand), command
    return command


@pytest.mark.parametrize(
    ("text", "reference", "until", "remark"),
    [
        ("ack orders-eu", "orders-eu", None, ""),
        ("ack orders-eu 20m", "orders-eu", TWENTY, ""),
        ("ack orders-eu for 20 min", "orders-eu", TWENTY, ""),
        ("ack orders-eu for 20m looking", "orders-eu", TWENTY, "looking"),
        ('ack orders-eu for 20m "looking"', "orders-eu", TWENTY, "looking"),
        ('ack orders-eu "looking at it"', "orders-eu", None, "looking at it"),
        ("ack orders-eu because the sink is slow", "orders-eu", None, "the sink is slow"),
        ("ack orders-eu 20m because the sink is slow", "orders-eu", TWENTY, "the sink is slow"),
        ("ack Base Swaps 20m", "Base Swaps", TWENTY, ""),
        ('ack "Base Swaps" 20m', "Base Swaps", TWENTY, ""),
        ('ack "Base Swaps"', "Base Swaps", None, ""),
        ("ack sync every 5 min", "sync every 5 min", None, ""),
        ("ack pipe_9 until 15:00", "pipe_9", NamedMoment(clock_time=time(15)), ""),
        ("ack unknown-one 20m", "unknown-one", TWENTY, ""),
        ("snooze orders-eu 1h", "orders-eu", NamedMoment(after=timedelta(hours=1)), ""),
        ("snooze orders-eu", "orders-eu", None, ""),
        ("takeover orders-eu", "orders-eu", None, ""),
        ("take-over orders-eu 20m", "orders-eu", TWENTY, ""),
        ('resolve orders-eu "known"', "orders-eu", None, "known"),
    ],
)
def test_a_name_a_time_and_a_remark(text: str, reference: str, until: NamedMoment | None, remark: str) -> None:
    command = parsed(text)
    assert (command.answer.reference, command.answer.until, command.answer.remark) == (reference, until, remark)


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("ack", "Which pipeline?", "ack orders-eu"),
        ("ack orders-eu looking", "Put a remark in quotes", 'ack orders-eu "looking"'),
        ("ack orders-eu for twenty", "I can't read the time in “for twenty”", "ack orders-eu for 20m"),
        ("ack orders-eu until live 30m", "`until live` is for `mute`", "ack orders-eu for 20m"),
        ("ack orders-*", "takes one pipeline, not a pattern", "status orders-*"),
        ("resolve orders-eu 1h", "takes no time", "snooze orders-eu 1h"),
        ("resolve orders-eu 1h", "Nothing was changed", "snooze orders-eu 1h"),
        (f'ack orders-eu "{"x" * 300}"', "has 300 characters", "ack orders-eu for 20m"),
        ("resolve group:0123 1h", "For a time, type `snooze all 1h`", "help resolve"),
        ("snooze all 1h", "In the thread of a group's message, `all` means", "status failed"),
        ("take orders-eu", "on the failure's card", "status failed"),
    ],
)
def test_a_word_without_a_meaning_is_refused_with_a_correction(text: str, words: str, hint: str) -> None:
    command = ROUTES.parse(text, NAMES)
    assert isinstance(command, UsageError)
    assert words in command.message
    assert command.hint == hint


@pytest.mark.parametrize("command", ["ack", "snooze", "takeover", "resolve"])
@pytest.mark.parametrize("rest", ["", "orders-*", "orders-eu, orders-us", "orders-eu in #ops"])
def test_a_refused_answer_says_that_nothing_was_changed(command: str, rest: str) -> None:
    refusal = ROUTES.parse(f"{command} {rest}".strip(), NAMES)
    assert isinstance(refusal, UsageError)
    assert "Nothing was changed." in refusal.message


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("ack 20m looking", 'ack pipe_1 20m "looking"'),
        ("ack 20m", "ack pipe_1 20m"),
        ("ack looking into it", 'ack pipe_1 "looking into it"'),
        ("ack until 15:00 back soon", 'ack pipe_1 until 15:00 "back soon"'),
        ("ack because slow", "ack pipe_1 because slow"),
        ("snooze for 1 h", "snooze pipe_1 for 1 h"),
        ('ack 20m "looking"', 'ack pipe_1 20m "looking"'),
    ],
)
def test_in_a_thread_the_rest_is_a_time_and_a_remark(text: str, whole: str) -> None:
    assert with_pipeline(text, "pipe_1", takes_sentence=True, takes_time=True) == whole
    parsed(whole)


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("take over orders-eu", "takeover orders-eu"),
        ("Take over", "takeover"),
        ("take  over 20m", "takeover 20m"),
        ("take overnight-sync", "take overnight-sync"),
        ("oncall take data", "oncall take data"),
    ],
)
def test_take_over_is_one_command(text: str, joined: str) -> None:
    assert joined_take_over(text) == joined


@pytest.mark.parametrize(("text", "length"), [("20m looking", 3), ("for 20 min", 10), ("looking", 0), ("", 0)])
def test_the_time_at_the_beginning(text: str, length: int) -> None:
    assert time_length(text) == length
