"""The history of each pipeline: every transition that the bot recorded."""

from typing import Protocol

from bot.domain.observation import PipelineId
from bot.domain.transition import Transition


class HistoryStore(Protocol):
    async def history(self, pipeline_id: PipelineId) -> tuple[Transition, ...]:
        """Oldest first, to the millisecond. `RecordStore.commit` appends to it, in the same step as the record."""
        ...
