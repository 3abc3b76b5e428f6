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
        """Stores the drill and enqueues its tests, in one step. False: another drill of this channel runs."""
        ...

    async def save_drill(self, drill: Drill) -> None: ...

    async def end_drill(self, channel: ChannelId, reports: Sequence[Message] = ()) -> None:
        """Removes the drill, and enqueues the report, in one step."""
        ...

    async def enqueue(self, messages: Sequence[Message]) -> None: ...

    async def receipts(self, pipeline_id: PipelineId) -> tuple[ReceiptRow, ...]: ...
