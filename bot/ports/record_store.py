"""The record of each pipeline (its state and episode), and the catalogue from the last listing."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.plan import Plan, Record
from bot.ports.lease_store import Lease


class RecordStore(Protocol):
    """Reads records, and writes plans. Every write of a record raises its version by one."""

    async def versions(self) -> Mapping[PipelineId, int]:
        """The version of each record: cheap enough to find the changed ones every few seconds."""
        ...

    async def records(self) -> Mapping[PipelineId, Record]:
        """All records."""
        ...

    async def record(self, pipeline_id: PipelineId) -> Record:
        """One record; an empty one with version 0 if the store has none."""
        ...

    async def commit(self, plan: Plan, watches_version: int, lease: Lease | None = None) -> bool:
        """Writes the record, its history, the cards and the deliveries of a plan, all in one step.

        False: another bot changed the record or the watches first, or `lease`, the leader's, is lost. Nothing was
        written; plan again.
        """
        ...

    async def catalogue(self) -> tuple[Pipeline, ...]:
        """The pipelines of the last saved listing; empty before the first."""
        ...

    async def save_catalogue(self, pipelines: Sequence[Pipeline]) -> None:
        """Replaces the saved listing."""
        ...
