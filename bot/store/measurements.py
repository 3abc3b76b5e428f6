"""The measurements of each pipeline, in Redis: one hash, written outside the fence of the workspace's data."""

from collections.abc import Awaitable, Collection, Iterable, Mapping
from itertools import chain as joined
from typing import cast

from bot.domain.chains import Chain
from bot.domain.observation import PipelineId
from bot.ports.measurement_store import MeasuredPipeline
from bot.store import versions
from bot.store.batches import READ_AT_ONCE, batched, scanned
from bot.store.codec import Codec
from bot.store.port import RedisPort
from bot.store.scripts import translating_redis_errors

_MEASURED = Codec(MeasuredPipeline, versions.unchanged)
_CHAIN = Codec(Chain, versions.unchanged)


class RedisMeasurements(RedisPort):
    """Implements `MeasurementStore`."""

    async def measured(
        self, pipeline_ids: Collection[PipelineId] | None = None
    ) -> Mapping[PipelineId, MeasuredPipeline]:
        found: dict[PipelineId, MeasuredPipeline] = {}
        if pipeline_ids is None:
            async for rows in scanned(self._redis, self._keys["measurements"]):
                found |= self._readable((PipelineId(key.decode()), row) for key, row in rows.items())
            return found
        for batch in batched(pipeline_ids, READ_AT_ONCE):
            with translating_redis_errors():
                some = await self._redis.hmget(self._keys["measurements"], batch)
            found |= self._readable(zip(batch, cast("list[bytes | None]", some), strict=True))
        return found

    async def chains(self) -> tuple[Chain, ...]:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["chains"]))
        return tuple(self._scripts.readable("chains", rows.items(), lambda _, row: _CHAIN.decode(row)).values())

    async def save_measured(
        self,
        measured: Mapping[PipelineId, MeasuredPipeline],
        chains: Collection[Chain] | None = None,
        forgotten: Iterable[PipelineId] = (),
    ) -> None:
        dropped = list(forgotten)
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for batch in batched(measured.items(), READ_AT_ONCE):
                    rows = joined.from_iterable((key, _MEASURED.encode(one)) for key, one in batch)
                    pipe.hset(self._keys["measurements"], items=list(rows))
                if chains:
                    pipe.hset(self._keys["chains"], mapping={one.name: _CHAIN.encode(one) for one in chains})
                if dropped:
                    pipe.hdel(self._keys["measurements"], *dropped)
                if len(pipe):
                    await pipe.execute()

    def _readable(self, rows: Iterable[tuple[str, bytes | None]]) -> dict[PipelineId, MeasuredPipeline]:
        measured = self._scripts.readable("measurements", rows, lambda _, row: _MEASURED.decode(row))
        return {PipelineId(pipeline_id): one for pipeline_id, one in measured.items()}
