"""Postmortems that were posted."""

from typing import Protocol

from bot.domain.delivery import Message


class PostmortemStore(Protocol):
    async def has_postmortem(self, message_id: str) -> bool:
        """True if `add_postmortem` would refuse it."""
        ...

    async def begin_canvas(self, message_id: str) -> bool:
        """Notes that the chat is about to make the canvas of this postmortem. False: an earlier attempt noted that."""
        ...

    async def add_postmortem(self, message: Message) -> bool:
        """Enqueues the postmortem. False: one with this id was enqueued within the last 30 days."""
        ...
