"""The record of each pipeline, and the last listing, in Redis."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.plan import Record
from bot.store.codec import RECORD, decode_catalogue, encode_catalogue
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors


class RedisRecords(RedisPort):
    """Implements `RecordStore`, with `RedisCommits`."""

    async def versions(self) -> Mapping[PipelineId, int]:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["versions"]))
        with decoding("versions"):
            return {PipelineId(key.decode()): int(version) for key, version in rows.items()}

    async def records(self) -> Mapping[PipelineId, Record]:
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hgetall(self._keys["records"])
                pipe.hgetall(self._keys["versions"])
                rows, versions = await pipe.execute()
        with decoding("records"):
            return {
                PipelineId(key.decode()): replace(RECORD.decode(row), version=int(versions.get(key, 0)))
                for key, row in rows.items()
            }

    async def record(self, pipeline_id: PipelineId) -> Record:
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hget(self._keys["records"], pipeline_id)
                pipe.hget(self._keys["versions"], pipeline_id)
                row, version = await pipe.execute()
        with decoding("records"):
            record = RECORD.decode(row) if row else Record(pipeline_id=pipeline_id)
            return replace(record, version=int(version or 0))

    async def catalogue(self) -> tuple[Pipeline, ...]:
        with translating_redis_errors():
            raw = await self._redis.get(self._keys["catalogue"])
        with decoding("catalogue"):
            return decode_catalogue(raw) if isinstance(raw, bytes) else ()

    async def save_catalogue(self, pipelines: Sequence[Pipeline]) -> None:
        with translating_redis_errors():
            await self._redis.set(self._keys["catalogue"], encode_catalogue(pipelines))
