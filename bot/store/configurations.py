"""The hashes of the configurations of watched pipelines, in Redis."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.configuration import Configuration, ConfigurationRow, compared
from bot.domain.observation import PipelineId
from bot.ports.lease_store import Lease
from bot.store import versions
from bot.store.codec import Codec
from bot.store.hash_rows import HashRows
from bot.store.port import RedisPort

_ROW = Codec(ConfigurationRow, versions.unchanged)


class RedisConfigurations(RedisPort):
    """Implements `ConfigurationStore`."""

    @property
    def _configurations(self) -> HashRows[ConfigurationRow]:
        return HashRows(self._scripts, self._keys["configurations"], _ROW)

    async def configuration(self, pipeline_id: PipelineId) -> ConfigurationRow | None:
        return (await self._configurations.read([pipeline_id])).get(pipeline_id)

    async def compare_configurations(
        self, seen: Mapping[PipelineId, Configuration], asked_at: datetime, *, lease: Lease | None = None
    ) -> None:
        def updated(field: str, row: ConfigurationRow | None) -> ConfigurationRow:
            return compared(row, seen[PipelineId(field)], asked_at)

        await self._configurations.update([*seen], updated, lease)

    async def forget_configurations(self, before: datetime) -> None:
        await self._configurations.remove(lambda row: row.looked_at < before)
