"""People copy a suggestion from a thread, with its marks of code and its `@bot`."""

import pytest

from bot.slack.inbound.messages import command_in


@pytest.mark.parametrize(
    "text",
    ["<@U0BOT> ack orders-eu", "<@U0BOT> @bot ack orders-eu", "@bot ack orders-eu", "<@U0BOT> `@bot ack orders-eu`"],
)
def test_a_copied_suggestion_is_the_command(text: str) -> None:
    assert command_in(text, "U0BOT") == "ack orders-eu"
