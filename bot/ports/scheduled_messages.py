"""Messages that the chat posts by itself at a later time, even if the bot is dead by then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.backup import BackupContent, ScheduledRow
from bot.domain.watch import ChannelId


@dataclass(frozen=True, slots=True)
class ScheduledAs:
    """The chat will post the message. `message_id` names it until then."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotScheduled:
    """The chat refused, or gave no clear answer."""

    error: str
    retry_after: timedelta | None = None
    """The pause that the chat asked for."""
    unknown: bool = False
    """The message may be scheduled all the same: only a listing can tell."""
    unauthorized: bool = False
    """The chat takes nothing from this bot, in any channel."""


class ScheduledMessages(Protocol):
    """Schedules, deletes and lists the bot's own messages. An outcome is never a guess."""

    async def schedule(
        self, channel: ChannelId, content: BackupContent, post_at: datetime
    ) -> ScheduledAs | NotScheduled: ...

    async def delete(self, channel: ChannelId, message_id: str) -> NotScheduled | None:
        """Deletes a pending message. None: it is no longer pending, for whatever reason."""
        ...

    async def listed(self, now: datetime) -> Sequence[ScheduledRow] | NotScheduled:
        """Every pending message of the bot, all with the key `ORPHAN`."""
        ...
