"""Where messages go.

ChatAway                  Slack cannot be asked right now
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.card import Content
from bot.domain.delivery import Delivery, Lookup, LookupResult, Outcome, Receiver
from bot.domain.watch import ChannelId, UserId


class ChatAway(Exception):
    pass


class Chat(Protocol):
    """An outcome is never a guess: if Slack did not say, the outcome is `Unknown`."""

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome: ...

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome: ...

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        """Reads the one channel or thread that all lookups name, once, and answers each lookup."""
        ...

    async def delete(self, receiver: Receiver, message_id: str) -> bool:
        """True if the message is gone."""
        ...

    async def direct(self, user: UserId) -> ChannelId | None:
        """The conversation of this person's direct messages; None if Slack allows none.

        Raises:
            ChatAway: Slack cannot say right now.
        """
        ...
