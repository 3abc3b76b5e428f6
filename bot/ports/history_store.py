"""The past of each pipeline: its transitions, and the receipts for their messages."""

from typing import Protocol

from bot.domain.history import History
from bot.domain.observation import PipelineId
from bot.domain.receipt import ReceiptRow


class HistoryStore(Protocol):
    """Reads the past. `RecordStore.commit` and `Outbox.settle` write it."""

    async def history(self, pipeline_id: PipelineId) -> History:
        """The transitions and the times live, oldest first."""
        ...

    async def receipts(self, pipeline_id: PipelineId) -> tuple[ReceiptRow, ...]:
        """Who was notified of the transitions and who was not, oldest first."""
        ...
