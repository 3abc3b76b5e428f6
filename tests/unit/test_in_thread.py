import pytest

from bot.domain.names import Names
from bot.domain.observation import PipelineId
from bot.slack.grammar.in_thread import names_its_own, with_pipeline
from tests.builders import a_pipeline

NAMES = Names([a_pipeline("orders-eu"), a_pipeline("Base Swaps", pipeline_id=PipelineId("pipe_2"))])


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("why", "why pipe_1"),
        ("mute for 2h", "mute pipe_1 for 2h"),
        ("runbook https://wiki.example.com/x", "runbook pipe_1 https://wiki.example.com/x"),
        ("  ack  ", "ack pipe_1"),
    ],
)
def test_the_pipeline_comes_after_the_first_word(text: str, whole: str) -> None:
    assert with_pipeline(text, "pipe_1", takes_sentence=False) == whole


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("note restart the sink first", 'note pipe_1 "restart the sink first"'),
        ('note "restart the sink"', 'note pipe_1 "restart the sink"'),
        ('note the "old" sink', 'note pipe_1 "the ’old’ sink"'),
        ("note none", "note pipe_1 none"),
        ("note", "note pipe_1"),
    ],
)
def test_a_sentence_gets_its_quotes(text: str, whole: str) -> None:
    assert with_pipeline(text, "pipe_1", takes_sentence=True) == whole


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("why orders-eu", True),
        ("mute Base Swaps for 2h", True),
        ("mute orders-* for 2h", True),
        ("mute channel for 2h", True),
        ("why", False),
        ("mute for 2h", False),
        ("note restart the sink", False),
        ('note "unclosed', True),
    ],
)
def test_a_named_pipeline_counts_rather_than_the_thread_s(text: str, *, own: bool) -> None:
    assert names_its_own(text, NAMES) is own
