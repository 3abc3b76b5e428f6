"""The drills that run, at most one for each channel."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.delivery import Message
from bot.domain.drill import Drill
from bot.domain.observation import PipelineId
from bot.domain.receipt import ReceiptRow
from bot.domain.watch import ChannelId


class DrillStore(Protocol):
    async def drills(self) -> tuple[Drill, ...]: ...

    async def begin_drill(self, drill: Drill, tests: Sequence[Message]) -> bool:
        """Stores the drill and enqueues its tests, in one step. False: the channel has one already."""
        ...

    async def save_drill(self, drill: Drill) -> None: ...

    async def remove_drill(self, channel: ChannelId) -> None: ...

    async def enqueue(self, messages: Sequence[Message]) -> None: ...

    async def receipts(self, pipeline_id: PipelineId) -> tuple[ReceiptRow, ...]: ...
