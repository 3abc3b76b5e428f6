"""The leader reads and lists for people who ask other processes."""

from collections.abc import Mapping

from bot.domain.observation import PipelineId
from bot.domain.transition import PipelineState
from bot.monitoring.catalogue import CatalogueSync
from bot.monitoring.scheduler import Scheduler
from bot.ports.catalogue import ListingOutcome
from bot.ports.clock import Clock
from bot.ports.details_reads import LogAnswer, LogReads
from bot.ports.leader import ReadReply
from bot.state.latest_state import latest_state
from bot.state.repository import Repository


class LocalLeader:
    """Implements `Leader` in the leader. So all processes together keep one budget, and people come first in it."""

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        catalogue: CatalogueSync,
        repository: Repository,
        unrecorded: Mapping[PipelineId, PipelineState],
        logs: LogReads,
        clock: Clock,
    ) -> None:
        self._scheduler = scheduler
        self._catalogue = catalogue
        self._repository = repository
        self._unrecorded = unrecorded
        self._logs = logs
        self._clock = clock

    async def read(self, pipeline_id: PipelineId, *, older_than: float) -> ReadReply:
        problem = None
        if self._age(pipeline_id) > older_than:
            problem = await self._scheduler.read_now(pipeline_id)
        listed = self._repository.lists(pipeline_id)
        return ReadReply(
            state=self._state(pipeline_id),
            pipeline=self._repository.pipeline(pipeline_id) if listed else None,
            problem=problem,
            wait_until=self._scheduler.waits_until() if problem else None,
        )

    def _state(self, pipeline_id: PipelineId) -> PipelineState:
        return latest_state(self._repository, self._unrecorded, pipeline_id)

    def _age(self, pipeline_id: PipelineId) -> float:
        observation = self._state(pipeline_id).observation
        return (self._clock.now() - observation.observed_at).total_seconds() if observation else float("inf")

    async def list_pipelines(self, *, older_than: float) -> ListingOutcome:
        return await self._catalogue.refresh(older_than=older_than)

    async def logs(self, pipeline_id: PipelineId) -> LogAnswer:
        return await self._logs.logs(pipeline_id)
