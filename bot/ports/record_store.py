"""The record of each pipeline (its state and episode), and the catalogue from the last listing."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.plan import Plan, Record
from bot.ports.changes import Changes
from bot.ports.lease_store import Lease


class RecordStore(Protocol):
    """Reads records, and writes plans. Every write of a record raises its version by one."""

    async def record_changes(self, position: str) -> Changes[int]:
        """The versions of the records written after a position: cheap enough to ask every few seconds."""
        ...

    async def records(self, pipeline_ids: Collection[PipelineId] | None = None) -> Mapping[PipelineId, Record]:
        """The records of these pipelines, or all. Others may be written meanwhile: ask for the position before."""
        ...

    async def record(self, pipeline_id: PipelineId) -> Record:
        """One record; an empty one with version 0 if the store has none."""
        ...

    async def commit(self, plan: Plan, watches_version: int, lease: Lease | None = None) -> bool:
        """Writes the record, its history, the cards and the deliveries of a plan, all in one step.

        False: another bot changed the record or the watches first. Nothing was written; plan again.

        Raises:
            LeadershipLost: `lease`, the leader's, is lost. Nothing was written, and planning again does not help.
        """
        ...

    async def catalogue(self) -> Mapping[PipelineId, Pipeline]:
        """The pipelines as last listed; empty before the first listing."""
        ...

    async def pipeline_changes(self, position: str) -> Changes[Pipeline | None]:
        """The pipelines saved after a position. None: removed."""
        ...

    async def save_pipelines(
        self, pipelines: Iterable[Pipeline], removed: Iterable[PipelineId] = (), *, lease: Lease | None = None
    ) -> None:
        """Adds pipelines to the catalogue or replaces them, and removes others. `lease`: that of a leader that lists.

        Raises:
            LeadershipLost: the lease is lost. Not all of it is written.
        """
        ...
