"""Finds the oldest of the latest readings of many pipelines, without a walk over all of them. Pure."""

from collections.abc import Callable, Iterable
from datetime import datetime
from heapq import heappop, heappush
from operator import itemgetter

from bot.domain.observation import PipelineId


class OldestReading:
    """Sorts the readings once for each round of the polling: a pipeline read since then is newer than all others.

    `read_at`: the time of a pipeline's latest reading; None if the pipeline does not count now. `pipeline_ids`: all
    that may count.
    """

    def __init__(
        self,
        read_at: Callable[[PipelineId], datetime | None],
        pipeline_ids: Callable[[], Iterable[PipelineId]],
    ) -> None:
        self._read_at = read_at
        self._pipeline_ids = pipeline_ids
        self._ids: list[PipelineId] = []
        """Oldest reading last, as of the last sort."""
        self._times: list[datetime] = []
        self._newest: datetime | None = None
        """The newest reading of the last sort. None: sort when someone asks."""
        self._added: list[tuple[datetime, PipelineId]] = []
        """A heap of readings that are not sorted, and not newer than those that are."""
        self._none_counts = False

    def reset(self) -> None:
        """Most readings have changed."""
        self._ids, self._times, self._newest, self._added = [], [], None, []
        self._none_counts = False

    def add(self, pipeline_id: PipelineId) -> None:
        """The pipeline may count from now on, or was read."""
        if self._newest is None and not self._none_counts:
            return  # nothing is sorted yet
        at = self._read_at(pipeline_id)
        if at is None:
            return
        self._none_counts = False
        if self._newest is not None and at <= self._newest:
            heappush(self._added, (at, pipeline_id))

    def find(self) -> datetime | None:
        """The time of the oldest reading; None if no pipeline counts."""
        found = self._oldest()
        if found is None and not self._none_counts:
            self._sort()
            found = self._oldest()
            self._none_counts = found is None
        return found

    def _oldest(self) -> datetime | None:
        while self._ids and self._read_at(self._ids[-1]) != self._times[-1]:
            self._times.pop()
            self.add(self._ids.pop())  # does nothing, unless the clock was set back
        while self._added and self._read_at(self._added[0][1]) != self._added[0][0]:
            self.add(heappop(self._added)[1])
        return min([*self._times[-1:], *(at for at, _ in self._added[:1])], default=None)

    def _sort(self) -> None:
        times = ((self._read_at(pipeline_id), pipeline_id) for pipeline_id in self._pipeline_ids())
        known = ((at, pipeline_id) for at, pipeline_id in times if at is not None)
        newest_first = sorted(known, key=itemgetter(0), reverse=True)
        self._ids = [pipeline_id for _, pipeline_id in newest_first]
        self._times = [at for at, _ in newest_first]
        self._newest = self._times[0] if self._times else None
        self._added = []
