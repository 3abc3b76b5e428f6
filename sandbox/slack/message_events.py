"""The events that Slack sends about messages.

`message.channels`, `.groups` and `.im` carry every message of such a conversation, the bot's own among them:
https://docs.slack.dev/reference/events/message . `app_mention` carries a message that names the bot in a channel that
the bot is in, and never one of a direct message: https://docs.slack.dev/reference/events/app_mention .
"""

from sandbox.slack.directory import BOT_USER, Channel, ChannelKind
from sandbox.slack.events import Events
from sandbox.slack.messages import Message
from sandbox.slack.wire import JsonObject

_CHANNEL_TYPES = {
    ChannelKind.PUBLIC: "channel",
    ChannelKind.PRIVATE: "group",
    ChannelKind.IM: "im",
    ChannelKind.MPIM: "mpim",
}


def posted(events: Events, channel: Channel, message: Message, parent: Message | None) -> None:
    event = {"event_ts": message.ts, **message.as_json()}
    if parent is not None:
        event["parent_user_id"] = parent.user
    about(events, channel, event)
    _mention(events, channel, event)


def edited(events: Events, channel: Channel, message: Message, previous: JsonObject, event_ts: str) -> None:
    """Slack sends a mention again, with `edited`, when its author edits it."""
    now = message.as_json()
    about(events, channel, _hidden("message_changed", event_ts) | {"message": now, "previous_message": previous})
    _mention(events, channel, {**now, "event_ts": event_ts})


def deleted(events: Events, channel: Channel, previous: JsonObject, event_ts: str) -> None:
    event = {"deleted_ts": previous["ts"], "previous_message": previous}
    about(events, channel, _hidden("message_deleted", event_ts) | event)


def about(events: Events, channel: Channel, event: JsonObject) -> None:
    """Sends a `message` event to an app that reads this kind of conversation."""
    family = channel.kind.family
    message = {"type": "message", **event, "channel": channel.id, "channel_type": _CHANNEL_TYPES[channel.kind]}
    if BOT_USER in channel.members:
        events.send(message, subscription=f"message.{family}", scope=f"{family}:history")


def _hidden(subtype: str, event_ts: str) -> JsonObject:
    return {"subtype": subtype, "hidden": True, "ts": event_ts, "event_ts": event_ts}


def _mention(events: Events, channel: Channel, event: JsonObject) -> None:
    mentioned = f"<@{BOT_USER}>" in event["text"] and "bot_id" not in event
    if mentioned and channel.kind is not ChannelKind.IM and BOT_USER in channel.members:
        mention = {**event, "type": "app_mention", "channel": channel.id}
        events.send(mention, scope="app_mentions:read")
