"""What every kind of receiver does with messages: a chat, or a pager.

ChatAway                  the chat does not answer right now
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.card import Content
from bot.domain.delivery import Delivery, Lookup, LookupResult, Outcome, Receiver


class ChatAway(Exception):
    pass


class Chat(Protocol):
    """An outcome is never a guess: without a clear answer it is `Unknown`."""

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome: ...

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome: ...

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        """All lookups must name the same channel or thread. Reads it once, and answers each lookup."""
        ...

    async def delete(self, receiver: Receiver, message_id: str) -> bool:
        """True if the message is gone."""
        ...
