"""Postmortems that were posted."""

from typing import Protocol

from bot.domain.delivery import Message


class PostmortemStore(Protocol):
    async def has_postmortem(self, message_id: str) -> bool:
        """True if `add_postmortem` would refuse it."""
        ...

    async def add_postmortem(self, message: Message) -> bool:
        """Enqueues the postmortem. False: one with this id was enqueued within the last 30 days."""
        ...
