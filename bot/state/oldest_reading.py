"""Finds the oldest of the latest readings of many pipelines, without a walk over all of them. Pure."""

from collections.abc import Callable, Iterable
from datetime import datetime
from heapq import heapify, heappop, heappush, heapreplace

from bot.domain.observation import PipelineId


class OldestReading:
    """A heap of reading times, corrected at its top when someone asks. Each reading costs one correction at most.

    `read_at`: the time of a pipeline's latest reading; None if the pipeline does not count now.
    """

    def __init__(self, read_at: Callable[[PipelineId], datetime | None]) -> None:
        self._read_at = read_at
        self._heap: list[tuple[datetime, PipelineId]] = []
        self._entries: dict[PipelineId, datetime] = {}
        """The entry of each pipeline. Others in the heap are left over from before the clock was set back."""

    def add(self, pipeline_id: PipelineId) -> None:
        """The pipeline may count from now on, or was read. It needs no entry if it has an earlier one."""
        at = self._read_at(pipeline_id)
        if at is not None and (pipeline_id not in self._entries or at < self._entries[pipeline_id]):
            self._entries[pipeline_id] = at
            heappush(self._heap, (at, pipeline_id))

    def add_all(self, pipeline_ids: Iterable[PipelineId]) -> None:
        """Adds many at once."""
        if self._heap:
            for pipeline_id in pipeline_ids:
                self.add(pipeline_id)
            return
        found = ((pipeline_id, self._read_at(pipeline_id)) for pipeline_id in pipeline_ids)
        self._entries = {pipeline_id: at for pipeline_id, at in found if at is not None}
        self._heap = [(at, pipeline_id) for pipeline_id, at in self._entries.items()]
        heapify(self._heap)

    def find(self) -> datetime | None:
        """The time of the oldest reading; None if no pipeline counts."""
        while self._heap:
            entry, pipeline_id = self._heap[0]
            at = self._read_at(pipeline_id)
            if entry != self._entries.get(pipeline_id):
                heappop(self._heap)
            elif at == entry:
                return at
            elif at is None:
                heappop(self._heap)
                del self._entries[pipeline_id]
            else:
                self._entries[pipeline_id] = at
                heapreplace(self._heap, (at, pipeline_id))
        return None
