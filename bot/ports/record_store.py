"""The record of each pipeline, and the last listing."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.plan import Plan, Record


class RecordStore(Protocol):
    async def versions(self) -> Mapping[PipelineId, int]: ...

    async def records(self) -> Mapping[PipelineId, Record]: ...

    async def record(self, pipeline_id: PipelineId) -> Record: ...

    async def commit(self, plan: Plan, watches_version: int) -> bool:
        """Writes the state and its deliveries in one step. False: another bot wrote first; plan again."""
        ...

    async def catalogue(self) -> tuple[Pipeline, ...]: ...

    async def save_catalogue(self, pipelines: Sequence[Pipeline]) -> None: ...
