"""The logs that tests check: every write that took effect, and every call."""

from dataclasses import dataclass

from sandbox.slack.messages import Message
from sandbox.slack.wire import JsonObject

MOST_ENTRIES = 50_000
"""Entries of each log: a demo may run for days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One write that took effect, even if its caller got no answer."""

    at: float
    """Monotonic seconds."""
    method: str
    """The Web API method, or `response_url`, or `ack` for an answer inside an acknowledgement."""
    channel: str
    ts: str
    thread_ts: str | None
    metadata: JsonObject | None
    text: str
    blocks: list[JsonObject]
    attachments: list[JsonObject]
    ephemeral_to: str | None = None

    @classmethod
    def of(cls, message: Message, method: str, at: float) -> "Accepted":
        return cls(
            at=at,
            method=method,
            channel=message.channel,
            ts=message.ts,
            thread_ts=message.thread_ts,
            metadata=message.metadata,
            text=message.text,
            blocks=message.blocks,
            attachments=message.attachments,
            ephemeral_to=message.ephemeral_to,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One Web API call and its answer. `status` is None if no answer went out.

    `asked_at` and `at` are the monotonic times of call and answer. `agent` is the caller's User-Agent.
    """

    asked_at: float
    at: float
    agent: str
    method: str
    channel: str | None
    ok: bool
    error: str | None
    status: int | None
    retry_after: str | None
