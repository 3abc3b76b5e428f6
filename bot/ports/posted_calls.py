"""The posted calls that still ask somebody to act."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.delivery import Message, Receiver


class PostedCalls(Protocol):
    """Keeps the edit that ends each call. Losing one is harmless: that message stays as it is."""

    async def save_call(self, ending: Message) -> None:
        """Remembers it for a week, with the others of its receiver."""
        ...

    async def calls(self, receiver: Receiver) -> tuple[Message, ...]: ...

    async def end_calls(self, endings: Sequence[Message]) -> None:
        """Enqueues these edits of one receiver, and forgets them."""
        ...
