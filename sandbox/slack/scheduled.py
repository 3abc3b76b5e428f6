"""Messages that Slack posts later: https://docs.slack.dev/reference/methods/chat.scheduleMessage ."""

from dataclasses import dataclass, replace

from sandbox.slack.messages import Draft
from sandbox.slack.wire import SlackError

MOST_DAYS = 120
MOST_IN_WINDOW = 30
WINDOW_SECONDS = 300
"""Slack takes no more than 30 messages of one channel whose times lie within 5 minutes."""
NO_DELETE_SECONDS = 60
"""Slack no longer deletes a message that is due so soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMessage:
    id: str
    channel: str
    post_at: int
    created: int
    draft: Draft
    thread_ts: str | None = None


class Scheduled:
    """The pending messages, in the order in which Slack took them."""

    def __init__(self) -> None:
        self._pending: dict[str, ScheduledMessage] = {}
        self._count = 0

    def pending(self, channel: str | None = None) -> list[ScheduledMessage]:
        return [message for message in self._pending.values() if channel in (None, message.channel)]

    def is_pending(self, message_id: str) -> bool:
        return message_id in self._pending

    def add(self, channel: str, draft: Draft, post_at: int, now: float, thread_ts: str | None) -> ScheduledMessage:
        if post_at <= now:
            raise SlackError("time_in_past")
        if post_at > now + MOST_DAYS * 86_400:
            raise SlackError("time_too_far")
        self._refuse_too_many(channel, post_at)
        self._count += 1
        message = ScheduledMessage(
            id=f"Q{self._count:010d}",
            channel=channel,
            post_at=post_at,
            created=int(now),
            draft=draft,
            thread_ts=thread_ts,
        )
        self._pending[message.id] = message
        return message

    def _refuse_too_many(self, channel: str, post_at: int) -> None:
        near = [other.post_at for other in self.pending(channel) if abs(other.post_at - post_at) < WINDOW_SECONDS]
        times = sorted([*near, post_at])
        for first, last in zip(times, times[MOST_IN_WINDOW:], strict=False):
            if last - first < WINDOW_SECONDS:
                raise SlackError("restricted_too_many")

    def delete(self, channel: str, message_id: str, now: float) -> None:
        message = self._pending.get(message_id)
        if message is None or message.channel != channel or message.post_at - now <= NO_DELETE_SECONDS:
            raise SlackError("invalid_scheduled_message_id")
        del self._pending[message_id]

    def postpone(self, seconds: float) -> None:
        """Keeps each message as far ahead as it is, when the clock jumps: an app had no time to take it back."""
        for message in self.pending():
            self._pending[message.id] = replace(message, post_at=message.post_at + int(seconds))

    def take_due(self, now: float) -> list[ScheduledMessage]:
        """The messages whose time has come, earliest first. They are pending no more."""
        due = sorted((message for message in self._pending.values() if message.post_at <= now), key=lambda m: m.post_at)
        for message in due:
            del self._pending[message.id]
        return due

    def move(self, old: str, new: str) -> None:
        """Moves the channel's messages to its new id."""
        for message in self.pending(old):
            self._pending[message.id] = replace(message, channel=new)
