"""The workspace's messages: roots in order, replies under their root, ephemeral ones separately."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sandbox.clock import Clock
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.wire import JsonObject

TOMBSTONE_TEXT = "This message was deleted."


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The checked content of a message."""

    text: str = ""
    blocks: list[JsonObject] = field(default_factory=list)
    attachments: list[JsonObject] = field(default_factory=list)
    metadata: JsonObject | None = None


@dataclass(slots=True, kw_only=True)
class Message:
    channel: str
    ts: str
    user: str
    text: str
    blocks: list[JsonObject] = field(default_factory=list)
    attachments: list[JsonObject] = field(default_factory=list)
    metadata: JsonObject | None = None
    bot_id: str | None = None
    app_id: str | None = None
    thread_ts: str | None = None
    """The parent's ts. Only replies have one."""
    broadcast: bool = False
    edited_by: str | None = None
    edited_ts: str | None = None
    ephemeral_to: str | None = None
    tombstone: bool = False
    """Deleted while it had replies. Slack keeps a placeholder as the root of the thread."""
    replies: list["Message"] = field(default_factory=list)

    def all_blocks(self) -> list[JsonObject]:
        """The blocks of the message and of its attachments."""
        inner = [block for attachment in self.attachments for block in attachment.get("blocks", ())]
        return [*self.blocks, *inner]

    def as_json(self, *, with_metadata: bool = False) -> JsonObject:
        body: JsonObject = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "team": TEAM_ID,
            "blocks": self.blocks or None,
            "attachments": self.attachments or None,
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "subtype": self._subtype(),
            "edited": {"user": self.edited_by, "ts": self.edited_ts} if self.edited_ts else None,
            "metadata": self.metadata if with_metadata else None,
            **self._thread(),
        }
        return {name: value for name, value in body.items() if value is not None}

    def _subtype(self) -> str | None:
        if self.tombstone:
            return "tombstone"
        return "thread_broadcast" if self.broadcast else None

    def _thread(self) -> JsonObject:
        if self.thread_ts is not None:
            return {"thread_ts": self.thread_ts}
        if not self.replies:
            return {}
        users = list(dict.fromkeys(reply.user for reply in self.replies))
        return {
            "thread_ts": self.ts,
            "reply_count": len(self.replies),
            "reply_users": users,
            "reply_users_count": len(users),
            "latest_reply": self.replies[-1].ts,
        }


class Board:
    """Every message of the workspace, by channel."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ts = 0
        self._roots: dict[str, list[Message]] = {}
        self._ephemerals: dict[str, list[Message]] = {}

    def next_ts(self) -> str:
        """Unique and increasing like Slack's: seconds and microseconds."""
        self._last_ts = max(int(self._clock.now() * 1_000_000), self._last_ts + 100)
        seconds, micros = divmod(self._last_ts, 1_000_000)
        return f"{seconds}.{micros:06d}"

    def roots(self, channel: str) -> list[Message]:
        return self._roots.setdefault(channel, [])

    @contextmanager
    def as_of(self, moment: float) -> Iterator[None]:
        """Within the block, messages posted after `moment` (wall seconds) are missing.

        Only read in the block, and don't await: writes would be lost.
        """
        everything, horizon = self._roots, f"{moment:.6f}"
        self._roots = {
            channel: [
                replace(root, replies=[reply for reply in root.replies if reply.ts <= horizon])
                for root in roots
                if root.ts <= horizon
            ]
            for channel, roots in everything.items()
        }
        try:
            yield
        finally:
            self._roots = everything

    def move(self, old: str, new: str) -> None:
        """Moves the channel's messages to its new id."""
        for boards in (self._roots, self._ephemerals):
            boards[new] = boards.pop(old, [])
            for message in (post for root in boards[new] for post in (root, *root.replies)):
                message.channel = new

    def add(self, message: Message) -> None:
        if message.ephemeral_to is not None:
            self._ephemerals.setdefault(message.channel, []).append(message)
        elif message.thread_ts is not None and (root := self.root(message.channel, message.thread_ts)):
            root.replies.append(message)
        else:
            self.roots(message.channel).append(message)

    def root(self, channel: str, ts: str) -> Message | None:
        return next((message for message in self.roots(channel) if message.ts == ts), None)

    def head(self, channel: str, ts: str) -> str | None:
        """The root's ts of the message's thread. None if there is no such message."""
        if self.root(channel, ts) is not None:
            return ts
        found = self.find(channel, ts)
        return found.thread_ts if found is not None else None

    def holds(self, message: Message) -> bool:
        """False once the message is deleted."""
        if message.ephemeral_to is not None:
            return message in self._ephemerals.get(message.channel, [])
        return self.find(message.channel, message.ts) is message

    def find(self, channel: str, ts: str) -> Message | None:
        for root in self.roots(channel):
            for message in (root, *root.replies):
                if message.ts == ts and not message.tombstone:
                    return message
        return None

    def ephemerals(self, channel: str, viewer: str) -> list[Message]:
        return [message for message in self._ephemerals.get(channel, []) if message.ephemeral_to == viewer]

    def ephemeral(self, channel: str, ts: str) -> Message | None:
        return next((message for message in self._ephemerals.get(channel, []) if message.ts == ts), None)

    def remove(self, message: Message) -> None:
        """A deleted root with replies leaves a tombstone, as in Slack."""
        if message.ephemeral_to is not None:
            self._ephemerals[message.channel].remove(message)
        elif message.replies:
            message.tombstone, message.text = True, TOMBSTONE_TEXT
            message.blocks, message.attachments, message.metadata = [], [], None
        elif message.thread_ts is not None and (root := self.root(message.channel, message.thread_ts)):
            root.replies.remove(message)
            if root.tombstone and not root.replies:
                self.roots(message.channel).remove(root)
        else:
            self.roots(message.channel).remove(message)

    def timeline(self, channel: str) -> list[Message]:
        """The channel's own view: roots, and replies also sent to the channel."""
        roots = self.roots(channel)
        broadcasts = [reply for root in roots for reply in root.replies if reply.broadcast]
        return sorted([*roots, *broadcasts], key=lambda message: message.ts)

    def seen_by(self, channel: str, viewer: str) -> list[Message]:
        """Copies of the roots, with the viewer's ephemeral messages in their places."""
        shown = [replace(root, replies=list(root.replies)) for root in self.roots(channel)]
        by_ts = {root.ts: root for root in shown}
        for ephemeral in self.ephemerals(channel, viewer):
            parent = by_ts.get(ephemeral.thread_ts or "")
            (shown if parent is None else parent.replies).append(ephemeral)
        return sorted(shown, key=lambda message: message.ts)
