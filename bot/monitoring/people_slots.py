"""Limits people's reads at once, so that slow answers leave the polling its slots."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.domain.observation import PipelineId

MOST_AT_ONCE = 4


@dataclass(slots=True)
class Slot:
    """One of the places for reads at once. It becomes free when its block ends, unless a read has it by then."""

    is_assigned: bool = False

    def assign(self) -> None:
        """Gives the slot to the read that has just begun, until that read ends."""
        self.is_assigned = True


class PeopleSlots:
    """Counts the reads for people that have not ended."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._free = asyncio.Semaphore(most)
        self._begun: set[PipelineId] = set()

    def __len__(self) -> int:
        return len(self._begun)

    def __contains__(self, pipeline_id: PipelineId) -> bool:
        return pipeline_id in self._begun

    @asynccontextmanager
    async def slot(self, pipeline_id: PipelineId) -> AsyncIterator[Slot]:
        """Waits for a free slot."""
        await self._free.acquire()
        slot = Slot()
        try:
            yield slot
        finally:
            if slot.is_assigned:
                self._begun.add(pipeline_id)
            else:
                self._free.release()

    def ended(self, pipeline_id: PipelineId) -> None:
        """Frees the slot. Does nothing for a read of the polling."""
        if pipeline_id in self._begun:
            self._begun.remove(pipeline_id)
            self._free.release()
