"""Finds the oldest of the latest readings of many pipelines, without a walk over all of them. Pure."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from heapq import heapify, heappop, heappush, heapreplace
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from bot.domain.observation import PipelineId

SORTED_AT_ONCE = 1000  # pipelines: about 3 ms of CPU


class _Run(NamedTuple):
    """Readings, the oldest one last. A pipeline and its time are at the same place."""

    ids: list[PipelineId]
    times: list[datetime]


class OldestReading:
    """Sorts the readings once for each round of the polling: a pipeline read since then is newer than all others.

    It sorts a few at a time, so that the event loop has its turns: see `sort`. `read_at`: the time of a pipeline's
    latest reading; None if the pipeline does not count now. `pipeline_ids`: all that may count.
    """

    def __init__(
        self,
        read_at: Callable[[PipelineId], datetime | None],
        pipeline_ids: Callable[[], Iterable[PipelineId]],
    ) -> None:
        self._read_at = read_at
        self._pipeline_ids = pipeline_ids
        self.reset()

    def reset(self) -> None:
        """Most readings have changed."""
        self._runs: list[_Run] = []
        """As of the last sort."""
        self._first: list[tuple[datetime, int]] = []
        """A heap of the oldest reading of each run, with the number of the run."""
        self._newest: datetime | None = None
        """The newest reading of the last sort. None: nothing is sorted."""
        self._added: list[tuple[datetime, PipelineId]] = []
        """A heap of readings that are not sorted, and not newer than those that are."""
        self._none_counts = False
        self._sorting: list[PipelineId] | None = None
        """The pipelines that were added during the sort under way. None: no sort is."""

    def add(self, pipeline_id: PipelineId) -> None:
        """The pipeline may count from now on, or was read."""
        if self._sorting is not None:
            self._sorting.append(pipeline_id)
            return
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
        for _ in self.sort():
            pass
        return self._oldest()

    def sort(self) -> Iterator[None]:
        """Prepares `find`, if it has to sort. Other work may run at each step, except another `sort`."""
        if self._none_counts or (self._sorting is None and self._oldest() is not None):
            return
        self.reset()
        added = self._sorting = []
        remaining = iter([*self._pipeline_ids()])
        while ids := list(islice(remaining, SORTED_AT_ONCE)):
            self._sort_some(ids)
            yield
            if self._sorting is not added:
                return  # somebody called `reset`
        heapify(self._first)
        self._newest = max((run.times[0] for run in self._runs), default=None)
        self._none_counts, self._sorting = not self._runs, None
        for pipeline_id in added:
            self.add(pipeline_id)

    def _sort_some(self, ids: Iterable[PipelineId]) -> None:
        times = ((self._read_at(pipeline_id), pipeline_id) for pipeline_id in ids)
        newest_first = sorted(((at, one) for at, one in times if at is not None), key=itemgetter(0), reverse=True)
        if newest_first:
            self._first.append((newest_first[-1][0], len(self._runs)))
            self._runs.append(_Run([one for _, one in newest_first], [at for at, _ in newest_first]))

    def _oldest(self) -> datetime | None:
        while self._first:
            at, number = self._first[0]
            run = self._runs[number]
            if self._read_at(run.ids[-1]) == at:
                break
            run.times.pop()
            pipeline_id = run.ids.pop()
            if run.ids:
                heapreplace(self._first, (run.times[-1], number))
            else:
                heappop(self._first)
            self.add(pipeline_id)  # does nothing, unless the clock was set back
        while self._added and self._read_at(self._added[0][1]) != self._added[0][0]:
            self.add(heappop(self._added)[1])
        return min([at for at, _ in (*self._first[:1], *self._added[:1])], default=None)
