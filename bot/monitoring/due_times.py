"""When each pipeline is due, in seconds of the monotonic clock. Pure."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from bot.domain.cadence import offset, stretch
from bot.domain.observation import PipelineId

NEVER = float("-inf")


class DueTimes:
    """The next read of each polled pipeline. All periods stretch alike if the budget can't pay for them."""

    def __init__(self) -> None:
        self.stretch = 1.0
        """The factor by which all periods grow to fit the budget."""
        self._due: dict[PipelineId, float] = {}
        self._read_at: dict[PipelineId, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, pipeline_id: PipelineId) -> bool:
        return pipeline_id in self._due

    def follow(self, pollable: AbstractSet[PipelineId], now: float) -> AbstractSet[PipelineId]:
        """Adds new pipelines, due at once, and drops the others. Returns the dropped ones."""
        dropped = self._due.keys() - pollable
        for pipeline_id in dropped:
            del self._due[pipeline_id]
            self._read_at.pop(pipeline_id, None)
        for pipeline_id in sorted(pollable - self._due.keys()):
            self._due[pipeline_id] = now
        return dropped

    def fit(self, periods: Mapping[PipelineId, float], rate: float, *, advance: bool) -> None:
        """Stretches the periods to the rate. `advance`: a period that became shorter makes a pipeline due earlier."""
        self.stretch = stretch(periods.values(), rate)
        if advance:
            for pipeline_id in periods.keys() & self._read_at.keys():
                self._due[pipeline_id] = min(
                    self._due[pipeline_id], self._read_at[pipeline_id] + periods[pipeline_id] * self.stretch
                )

    def overdue(self, now: float) -> list[PipelineId]:
        """The pipelines that are due by now."""
        return [pipeline_id for pipeline_id, at in self._due.items() if at <= now]

    def due_at(self, pipeline_id: PipelineId) -> float:
        return self._due[pipeline_id]

    def is_any_late(self, now: float) -> bool:
        return any(at < now for at in self._due.values())

    def make_all_due(self, now: float) -> None:
        self._due = dict.fromkeys(self._due, now)

    def put_all_off(self, until: float) -> None:
        """Nothing is due before `until`."""
        for pipeline_id in self._due:
            self._due[pipeline_id] = max(self._due[pipeline_id], until)

    def mark_read(self, pipeline_id: PipelineId, now: float) -> None:
        self._read_at[pipeline_id] = now

    def set_next(self, pipeline_id: PipelineId, period: float, now: float, *, first: bool) -> None:
        """Intervals are even. Only the first is shorter, by the pipeline's own share, to spread the reads."""
        seconds = period * self.stretch
        step = offset(pipeline_id, seconds) if first else seconds
        self._due[pipeline_id] = max(self._due[pipeline_id] + step, now)

    def unread_since(self, pipeline_ids: AbstractSet[PipelineId], moment: float) -> frozenset[PipelineId]:
        """Those of these pipelines that were not read at `moment` or later."""
        return frozenset(pipeline_id for pipeline_id in pipeline_ids if self._read_at.get(pipeline_id, NEVER) < moment)
