"""Decodes mentions of the bot and direct messages to it. People type commands in them. Pure.

Source: https://docs.slack.dev/reference/events/app_mention and https://docs.slack.dev/reference/events/message.im
"""

import re
from collections.abc import Mapping

from bot.slack.inbound.payloads import encodable

EVENTS = ("app_mention", "message")
SUBSCRIBED = ("app_mention", "message.im")  # as the manifest calls them


def read_message(body: Mapping[str, object], bot_user: str) -> tuple[str, dict[str, str]] | None:
    """The identity of a message, the same at each delivery by Slack, and the payload to store.

    None for messages of bots, edits, deletions, and messages that neither mention the bot nor are written to it.
    """
    event = body.get("event")
    if not isinstance(event, dict) or not _asks(event, bot_user):
        return None
    channel, ts, user = (encodable(event.get(name)) for name in ("channel", "ts", "user"))
    if not (channel and ts and user):
        return None
    direct = event.get("type") == "message"
    thread = encodable(event.get("thread_ts"))
    payload = {
        "text": command_in(encodable(event.get("text")), bot_user),
        "channel": channel,
        "user": user,
        "team": encodable(event.get("user_team")) or encodable(event.get("team")),
        "direct": "yes" if direct else "",
        # Slack shows an ephemeral message in a thread only if the thread has replies already.
        "thread": (thread or ts) if direct else thread,
        "in_thread": thread,
    }
    return f"{channel} {ts}", payload


def _asks(event: Mapping[str, object], bot_user: str) -> bool:
    """True for a person's new message to the bot. If a direct message mentions the bot, ignores the mention's event."""
    if any(event.get(name) for name in ("bot_id", "bot_profile", "subtype", "edited", "hidden")):
        return False
    if event.get("user") == bot_user:
        return False
    in_direct = event.get("channel_type") == "im" or encodable(event.get("channel")).startswith("D")
    return in_direct == (event.get("type") == "message")


def command_in(text: str, bot_user: str) -> str:
    """The text after the mention of the bot, or before it if nothing follows. Without a mention, the whole text."""
    before, mention, after = _parts(text, bot_user)
    if not mention:
        return _without_copy(text.strip())
    return _without_copy(after.lstrip(" ,:").strip() or before.strip())


def _without_copy(text: str) -> str:
    """Without the marks of code and the `@bot` of a suggestion that the person copied."""
    marked = re.fullmatch(r"`([^`]+)`", text)
    return re.sub(r"^@bot\b\s*", "", marked[1].strip() if marked else text, flags=re.IGNORECASE)


def _parts(text: str, bot_user: str) -> tuple[str, str, str]:
    found = re.search(rf"<@{re.escape(bot_user)}(?:\|[^>]*)?>", text) if bot_user else None
    if found is None:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :]
