"""The measurements of each pipeline, in Redis: one hash, written outside the fence of the workspace's data."""

from collections.abc import Collection, Iterable, Mapping
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
                found |= _readable((PipelineId(key.decode()), row) for key, row in rows.items())
            return found
        for batch in batched(pipeline_ids, READ_AT_ONCE):
            with translating_redis_errors():
                some = await self._redis.hmget(self._keys["measurements"], batch)
            found |= _readable(zip(batch, cast("list[bytes | None]", some), strict=True))
        return found

    async def chains(self) -> tuple[Chain, ...]:
        with translating_redis_errors():
            rows = await self._redis.hvals(self._keys["chains"])
        chains = []
        for row in rows:
            try:
                chains.append(_CHAIN.decode(row))
            except ValueError:
                continue  # the next list replaces it
        return tuple(chains)

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


def _readable(rows: Iterable[tuple[PipelineId, bytes | None]]) -> dict[PipelineId, MeasuredPipeline]:
    found = {}
    for pipeline_id, row in rows:
        try:
            if row is not None:
                found[pipeline_id] = _MEASURED.decode(row)
        except ValueError:
            continue  # the next measurement replaces it
    return found
