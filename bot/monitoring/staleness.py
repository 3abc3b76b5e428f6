"""How old the readings are, for metrics."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.observation import PipelineId
from bot.domain.transition import PipelineState
from bot.monitoring.promise import Promise
from bot.monitoring.scheduler import Scheduler
from bot.ports.clock import Clock
from bot.ports.figures import PollingFigures
from bot.ports.leadership import LeadershipStatus
from bot.state.repository import Repository

SAMPLE = 2000  # pipelines; reading the ages of more would hold up the polling


class Staleness:
    """Takes the ages of the readings, of an even sample if the bot polls many pipelines."""

    def __init__(
        self,
        *,
        repository: Repository,
        reads: Scheduler,
        promise: Promise,
        unrecorded: Mapping[PipelineId, PipelineState],
        leadership: LeadershipStatus,
        clock: Clock,
        sample: int = SAMPLE,
    ) -> None:
        self._repository = repository
        self._reads = reads
        self._promise = promise
        self._unrecorded = unrecorded
        self._leadership = leadership
        self._clock = clock
        self._sample = sample
        self._offset = 0
        """Moves on with each call, so that each pipeline is in a sample in turn."""

    def figures(self) -> PollingFigures | None:
        """None while another bot leads. Pipelines without any reading yet have no age."""
        if not self._leadership.is_leader:
            return None
        pollable = list(self._repository.pollable)
        step = len(pollable) // self._sample + 1
        self._offset = (self._offset + 1) % step
        sample = pollable[self._offset :: step]
        now = self._clock.now()
        ages = {
            pipeline_id: (now - at).total_seconds()
            for pipeline_id in sample
            if (at := self._observed_at(pipeline_id)) is not None
        }
        return PollingFigures(
            pipelines=len(pollable),
            ages=[*ages.values()],
            lateness=[age / self._promise.to(pipeline_id) for pipeline_id, age in ages.items()],
            unanswered_seconds=self._reads.unanswered_seconds,
        )

    def _observed_at(self, pipeline_id: PipelineId) -> datetime | None:
        unrecorded = self._unrecorded.get(pipeline_id)
        if unrecorded and unrecorded.observation:
            return unrecorded.observation.observed_at
        return self._repository.last_read_at(pipeline_id)
