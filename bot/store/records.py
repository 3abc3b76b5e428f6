"""The record of each pipeline, in Redis."""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import cast

from bot.domain.observation import PipelineId
from bot.domain.plan import Record
from bot.ports.changes import Changes
from bot.store.batches import READ_AT_ONCE, batched
from bot.store.change_log import ChangeLog
from bot.store.codec import RECORD
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors


class RedisRecords(RedisPort):
    """Implements `RecordStore`, with `RedisCommits` and `RedisCatalogue`."""

    async def record_changes(self, position: str) -> Changes[int]:
        with translating_redis_errors():
            logged = await ChangeLog(self._redis, self._keys["record_changes"]).since(position)
        if logged.changed is None:
            return Changes(logged.position, None)
        with decoding("record_changes"):
            versions = {PipelineId(pipeline_id): int(version) for pipeline_id, version in logged.changed.items()}
        return Changes(logged.position, versions)

    async def records(self, pipeline_ids: Collection[PipelineId] | None = None) -> Mapping[PipelineId, Record]:
        if pipeline_ids is None:
            with translating_redis_errors():
                keys = await cast("Awaitable[list[bytes]]", self._redis.hkeys(self._keys["records"]))
            pipeline_ids = [PipelineId(key.decode()) for key in keys]
        found: dict[PipelineId, Record] = {}
        for batch in batched(pipeline_ids, READ_AT_ONCE):
            found |= await self._some(batch)
        return found

    async def record(self, pipeline_id: PipelineId) -> Record:
        """A record that Redis lost has version 0, or the version that Redis still knows."""
        return (await self._some([pipeline_id])).get(pipeline_id) or Record(pipeline_id=pipeline_id)

    async def _some(self, pipeline_ids: Sequence[PipelineId]) -> dict[PipelineId, Record]:
        """Reads rows and versions in one step, because a row with a later version would hide a write."""
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hmget(self._keys["records"], pipeline_ids)
                pipe.hmget(self._keys["versions"], pipeline_ids)
                rows, versions = await pipe.execute()
        with decoding("records"):
            return {
                pipeline_id: _record(pipeline_id, row, int(version or 0))
                for pipeline_id, row, version in zip(pipeline_ids, rows, versions, strict=True)
                if row or version
            }


def _record(pipeline_id: PipelineId, row: bytes | None, version: int) -> Record:
    record = RECORD.decode(row) if row else Record(pipeline_id=pipeline_id)
    return replace(record, version=version)
