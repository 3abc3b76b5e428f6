"""The hashes of the configurations of watched pipelines, and what changed in them lately."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bot.domain.configuration import Configuration, ConfigurationRow
from bot.domain.observation import PipelineId
from bot.ports.lease_store import Lease


class ConfigurationStore(Protocol):
    """One row for each pipeline. A row that another bot wrote meanwhile stays: the next answer compares with it."""

    async def configuration(self, pipeline_id: PipelineId) -> ConfigurationRow | None: ...

    async def compare_configurations(
        self, seen: Mapping[PipelineId, Configuration], asked_at: datetime, *, lease: Lease | None = None
    ) -> None:
        """Compares each with its row, and writes the rows that change. `lease`: that of a leader.

        Raises:
            LeadershipLost: the lease is lost. Nothing was written.
        """
        ...

    async def forget_configurations(self, before: datetime) -> None:
        """Removes the rows of pipelines that no answer has shown since then."""
        ...
