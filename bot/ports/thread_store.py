"""Which card or group is at the top of a thread."""

from typing import Protocol

from bot.domain.delivery import Receiver


class ThreadStore(Protocol):
    """`Outbox.settle` writes it when a card or group is posted."""

    async def thread_top(self, receiver: Receiver, message_id: str) -> str:
        """The key of the card or group in this message. Empty for any other message, and for one of long ago."""
        ...
