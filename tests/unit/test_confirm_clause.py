"""The clause `confirm N` of `watch`."""

import pytest

from bot.slack.features.watch.command import WatchCommand
from tests.unit.test_grammar import refused, understood


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("watch orders-eu confirm 2", 2),
        ("watch orders-eu CONFIRM 3 on failed", 3),
        ("watch orders-eu on failed confirm 2 in #data-alerts", 2),
        ("watch orders-eu confirm 1.", 1),
        ("watch orders-eu", None),
    ],
)
def test_the_number_of_readings_may_stand_anywhere_behind_the_name(text: str, readings: int | None) -> None:
    command = understood(text)
    assert isinstance(command, WatchCommand)
    assert (command.references, command.confirm) == (("orders-eu",), readings)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("watch orders-eu confirm", "watch orders-eu confirm 2"),
        ("watch orders-eu confirm 0", "watch orders-eu confirm 2"),
        ("watch orders-eu confirm 6 on failed", "watch orders-eu on failed confirm 2"),
        ("watch orders-eu confirm on failed", "watch orders-eu on failed confirm 2"),
        ('watch "orders eu" confirm 9', "watch orders-eu confirm 2"),
    ],
)
def test_another_number_is_refused_with_the_corrected_command(text: str, hint: str) -> None:
    command = refused(text)
    assert "Nothing was changed." in command.message
    assert command.hint == hint


def test_a_suggestion_keeps_the_clause() -> None:
    assert refused("watch orders-eu on fialed confirm 2").hint == "watch orders-eu on failed confirm 2"
