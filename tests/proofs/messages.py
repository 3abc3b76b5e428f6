"""An in-memory Slack for the proofs: no network, and it keeps every message that lands."""

from dataclasses import dataclass

from bot.domain.body import Content
from bot.domain.card import ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery, Lookup
from bot.domain.watch import ChannelId
from bot.ports.clock import Clock
from bot.slack.outbound.metadata import metadata_to_attach
from tests.proofs.oracle import SlackMessage

US = "U0BOT"


@dataclass
class Message:
    ts: str
    channel: ChannelId
    thread_ts: str | None
    text: str
    metadata: object
    posted: str
    broadcast: bool


class Slack:
    """Keeps posted messages and shows them as Slack's history does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.messages: dict[str, Message] = {}
        self._last = 0

    def land(self, delivery: Delivery, content: Content, parent_id: str | None, text: str) -> str:
        channel, metadata = ChannelId(delivery.receiver.id), metadata_to_attach(delivery, content)
        broadcast = isinstance(content, ThreadEntry | TimelineBatch) and content.broadcast
        self._last = max(self._last + 1, int(self._clock.now().timestamp() * 1_000_000))
        ts = f"{self._last // 1_000_000}.{self._last % 1_000_000:06}"
        self.messages[ts] = Message(ts, channel, parent_id, text, metadata, text, broadcast)
        return ts

    def history(self, lookup: Lookup) -> list[dict[str, object]]:
        threaded = {message.thread_ts for message in self.messages.values()}
        return [
            {"ts": message.ts, "user": US, "metadata": message.metadata, "reply_count": int(message.ts in threaded)}
            for message in self.messages.values()
            if message.channel == lookup.receiver.id
            and message.thread_ts == lookup.parent_id
            and message.ts > lookup.oldest
        ]

    def channel_messages(self, channel: ChannelId) -> list[SlackMessage]:
        roots = [
            message for message in self.messages.values() if message.channel == channel and message.thread_ts is None
        ]
        return [SlackMessage(root.ts, root.text, tuple(self._replies(root.ts)), root.posted) for root in roots]

    def _replies(self, ts: str) -> list[SlackMessage]:
        replies = [message for message in self.messages.values() if message.thread_ts == ts]
        return [SlackMessage(reply.ts, reply.text, broadcast=reply.broadcast) for reply in replies]

    def edit(self, ts: str, text: str, metadata: object) -> str:
        """Ignores a message that was deleted."""
        if ts in self.messages:
            self.messages[ts].text = text
            self.messages[ts].metadata = metadata
        return ts


def delivery_key(metadata: object) -> str:
    """Every copy of a message has it. Empty for a message that is no delivery."""
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return str(payload.get("key", "")) if isinstance(payload, dict) else ""
