"""Plain questions about failures, as people write them."""

import pytest

from bot.domain.attention import StateFilter
from bot.domain.catalogue import Pipeline
from bot.domain.names import Names
from bot.domain.observation import PipelineId
from bot.slack.feature import UsageError
from bot.slack.features.status import StatusCommand
from bot.slack.grammar.plain_questions import plain_command
from tests.routes import parse


@pytest.mark.parametrize(
    "text",
    [
        "what is failing",
        "What's failing?",
        "what’s failing right now?",
        "whats broken",
        "anything failing",
        "Is anything down?",
        "any failures?",
        "failing?",
        "failed",
        "status what is failing",
        "what failed",
        "which pipelines are down?",
    ],
)
def test_a_message_that_asks_for_failures_means_status_failed(text: str) -> None:
    assert plain_command(text) == "status failed"
    assert parse(plain_command(text)) == StatusCommand(("failed",), frozenset({StateFilter.FAILED}))


@pytest.mark.parametrize("text", ["is everything ok", "Everything OK?", "is everything up?", "all good?", "all good"])
def test_a_message_that_asks_whether_all_is_well_means_status(text: str) -> None:
    assert plain_command(text) == "status"


@pytest.mark.parametrize(
    "text",
    ["", "status", "status failed", "watch orders-eu on failed", "orders-eu", "what is orders-eu", "is orders-eu ok?"],
)
def test_any_other_message_is_read_as_a_command(text: str) -> None:
    assert plain_command(text) in {"", text}


@pytest.mark.parametrize(
    "text", ["what is failing", "anything failing", "anything broken?", "failing", "broken?", "failed", "any problems?"]
)
def test_a_slash_command_stays_strict_and_gets_the_command_to_type(text: str) -> None:
    refused = parse(text)
    assert isinstance(refused, UsageError)
    assert refused.hint == "status failed"


def test_a_pipeline_with_such_a_word_in_its_name_keeps_its_name() -> None:
    names = Names([Pipeline(id=PipelineId("pipe_1"), name="Broken Orders")])
    refused = parse("Broken Orders", names)
    assert isinstance(refused, UsageError)
    assert refused.hint == "status Broken Orders"
