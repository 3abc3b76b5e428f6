"""The pipelines that the bot begins to poll: urgent ones first, then the oldest readings."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from heapq import merge
from itertools import islice

from bot.domain.cadence import Cadence, Pace, pace
from bot.domain.failure_rates import track
from bot.domain.observation import PipelineId
from bot.monitoring.due_times import Newcomer
from bot.state.known_pipelines import KnownPipelines

AT_ONCE = 500  # pipelines in one step of the event loop: about 5 ms of CPU
UNREAD = datetime.min.replace(tzinfo=UTC)
ReadOrder = tuple[int, datetime, PipelineId]


class Newcomers:
    """Sorts and takes some at a time: 100,000 at once would hold up the event loop for more than a second."""

    def __init__(self, repository: KnownPipelines, cadence: Cadence, pipeline_ids: Iterable[PipelineId] = ()) -> None:
        self._repository = repository
        self._cadence = cadence
        self._unsorted = [*pipeline_ids]
        self._sorted: list[list[ReadOrder]] = []
        self._in_order: Iterator[ReadOrder] = iter(())
        self._number = self._left = len(self._unsorted)

    def __len__(self) -> int:
        """How many `take_some` has not taken yet."""
        return self._left

    @property
    def has_begun(self) -> bool:
        """True once the first ones are taken, or if there are none."""
        return self.are_sorted and (self._left < self._number or not self._number)

    @property
    def are_sorted(self) -> bool:
        return not self._unsorted

    def sort_some(self, at: datetime) -> None:
        """Sorts a part of them, and merges the parts after the last one."""
        part = self._unsorted[-AT_ONCE:]
        del self._unsorted[-AT_ONCE:]
        self._sorted.append(sorted(self._order(pipeline_id, at) for pipeline_id in part))
        if not self._unsorted:
            self._in_order, self._sorted = merge(*self._sorted), []

    def take_some(self, at: datetime, now: float) -> list[Newcomer]:
        """The next ones. `at` and `now` are the same moment on both clocks."""
        taken = [self._newcomer(pipeline_id, at, now) for _, _, pipeline_id in islice(self._in_order, AT_ONCE)]
        self._left -= len(taken)
        return taken

    def _order(self, pipeline_id: PipelineId, at: datetime) -> ReadOrder:
        repository, urgency = self._repository, Pace.STEADY
        state = repository.state_but_time(pipeline_id)
        if state.failed_reads or pipeline_id in repository.unhealthy:  # no other is urgent, and most are neither
            urgency = min(pace(state, at, self._cadence), Pace.STEADY)
        return urgency, repository.last_read_at(pipeline_id) or UNREAD, pipeline_id

    def _newcomer(self, pipeline_id: PipelineId, at: datetime, now: float) -> Newcomer:
        state, read_at = self._repository.state_but_time(pipeline_id), self._repository.last_read_at(pipeline_id)
        age = (at - read_at).total_seconds() if read_at else float("inf")
        return Newcomer(pipeline_id, pace(state, at, self._cadence), age, track(state, at, now))
