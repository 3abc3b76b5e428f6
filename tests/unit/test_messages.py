"""Mentions and direct messages: which of them ask the bot something, and what they ask."""

from typing import Any

import pytest

from bot.slack.inbound.messages import command_in, read_message

BOT = "U0BOT"


def body(**event: Any) -> dict[str, Any]:
    """Shape: https://docs.slack.dev/reference/events/app_mention"""
    mention = {
        "type": "app_mention",
        "user": "U0ANN",
        "text": f"<@{BOT}> status orders-eu",
        "ts": "7.1",
        "channel": "C0A",
    }
    return {"type": "event_callback", "team_id": "T0HOME", "event": {**mention, "team": "T0HOME", **event}}


def direct(**event: Any) -> dict[str, Any]:
    """Shape: https://docs.slack.dev/reference/events/message.im"""
    return body(**{"type": "message", "channel": "D0ANN", "channel_type": "im", "text": "status", **event})


def test_a_mention_carries_channel_and_thread() -> None:
    assert read_message(body(), BOT) == (
        "C0A 7.1",
        {
            "text": "status orders-eu",
            "channel": "C0A",
            "user": "U0ANN",
            "team": "T0HOME",
            "direct": "",
            "thread": "",
            "in_thread": "",
        },
    )


def test_a_mention_in_a_thread_is_answered_in_that_thread() -> None:
    message = read_message(body(thread_ts="5.0"), BOT)
    assert message
    assert message[1]["thread"] == "5.0"


@pytest.mark.parametrize(("thread", "answered_in"), [({}, "7.1"), ({"thread_ts": "5.0"}, "5.0")])
def test_a_direct_message_is_answered_in_a_thread(thread: dict[str, str], answered_in: str) -> None:
    message = read_message(direct(**thread), BOT)
    assert message
    assert (message[1]["text"], message[1]["direct"], message[1]["thread"]) == ("status", "yes", answered_in)


def test_the_author_of_a_shared_channel_keeps_their_own_team() -> None:
    message = read_message(body(user_team="T0PARTNER"), BOT)
    assert message
    assert message[1]["team"] == "T0PARTNER"


def test_a_second_delivery_has_the_same_id() -> None:
    one, again = read_message(body(), BOT), read_message({**body(), "event_id": "Ev2"}, BOT)
    assert one
    assert again
    assert one[0] == again[0]


@pytest.mark.parametrize(
    "event",
    [
        {"bot_id": "B0OTHER"},
        {"user": BOT},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted", "hidden": True},
        {"subtype": "bot_message", "user": None},
        {"edited": {"user": "U0ANN", "ts": "8.0"}},
        {"user": ""},
        {"ts": 7},
        {"channel": None},
    ],
)
def test_bots_edits_and_deletions_ask_nothing(event: dict[str, Any]) -> None:
    assert read_message(body(**event), BOT) is None
    assert read_message(direct(**event), BOT) is None


def test_of_twin_events_only_one_asks() -> None:
    assert read_message(body(type="message", channel_type="channel"), BOT) is None
    assert read_message(body(channel="D0ANN"), BOT) is None


@pytest.mark.parametrize("event", [None, [], "text", {}])
def test_a_body_without_an_event_asks_nothing(event: object) -> None:
    assert read_message({"event": event}, BOT) is None


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (f"<@{BOT}> status orders-eu", "status orders-eu"),
        (f"<@{BOT}|Pipeline Bot>: status orders-eu", "status orders-eu"),
        (f"hey <@{BOT}> status", "status"),
        (f"status orders-eu <@{BOT}>", "status orders-eu"),
        (f"<@{BOT}> watch orders-eu page <@U0BOB>", "watch orders-eu page <@U0BOB>"),
        (f"<@{BOT}>", ""),
        ("status", "status"),
        ("<@U0BOB> status", "<@U0BOB> status"),
    ],
)
def test_the_mention_itself_is_no_part_of_the_command(text: str, command: str) -> None:
    assert command_in(text, BOT) == command
