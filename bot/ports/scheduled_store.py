"""The scheduled messages that the bot knows, so that a restart or another sender deletes them."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.backup import ScheduledRow
from bot.domain.delivery import Message


class ScheduledStore(Protocol):
    async def scheduled(self) -> tuple[ScheduledRow, ...]: ...

    async def save_scheduled(self, row: ScheduledRow) -> None: ...

    async def forget_scheduled(self, rows: Sequence[ScheduledRow], notices: Sequence[Message] = ()) -> None:
        """Removes the rows, and enqueues the notices about them in the same step."""
        ...
