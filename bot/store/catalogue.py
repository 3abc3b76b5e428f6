"""The pipelines as last listed, in Redis: one row for each, so that a listing writes only what has changed."""

from collections.abc import Iterable, Mapping
from itertools import chain
from sys import intern
from typing import cast

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.ports.changes import Changes
from bot.ports.lease_store import READER, Lease
from bot.ports.store_errors import LeadershipLost
from bot.store.batches import READ_AT_ONCE, batched, scanned
from bot.store.change_log import KEPT, ChangeLog
from bot.store.codec import decode_pipeline_row, encode_pipeline_row
from bot.store.port import RedisPort
from bot.store.scripts import LEASE_LOST, translating_redis_errors


class RedisCatalogue(RedisPort):
    """Implements the part of `RecordStore` about the catalogue."""

    async def catalogue(self) -> Mapping[PipelineId, Pipeline]:
        found: dict[PipelineId, Pipeline] = {}
        async for rows in scanned(self._redis, self._keys["pipelines"]):
            shared = ((intern(key.decode()), row) for key, row in rows.items())  # all parts of the bot share one text
            pipelines = self._scripts.readable("pipelines", shared, _pipeline)
            found |= {pipeline.id: pipeline for pipeline in pipelines.values()}
        return found

    async def pipeline_changes(self, position: str) -> Changes[Pipeline | None]:
        with translating_redis_errors():
            logged = await ChangeLog(self._redis, self._keys["pipeline_changes"]).since(position)
        if not logged.changed:
            return Changes(logged.position, None if logged.changed is None else {})
        ids = [PipelineId(pipeline_id) for pipeline_id in logged.changed]
        with translating_redis_errors():
            rows = await self._redis.hmget(self._keys["pipelines"], ids)
        stored = dict(zip(ids, cast("list[bytes | None]", rows), strict=True))
        readable = self._scripts.readable("pipelines", stored.items(), _pipeline)
        removed = [pipeline_id for pipeline_id, row in stored.items() if not row]
        return Changes(logged.position, {**dict.fromkeys(removed), **{one.id: one for one in readable.values()}})

    async def save_pipelines(
        self, pipelines: Iterable[Pipeline], removed: Iterable[PipelineId] = (), *, lease: Lease | None = None
    ) -> None:
        rows = [(pipeline.id, encode_pipeline_row(pipeline)) for pipeline in pipelines]
        rows += [(pipeline_id, "") for pipeline_id in removed]
        keys = [self._keys["pipelines"], self._keys["pipeline_changes"], self._keys.lease(READER)]
        for batch in batched(rows, READ_AT_ONCE):
            args: list[str | int] = [lease.token if lease else "", KEPT, *chain.from_iterable(batch)]
            if await self._scripts.run("save_pipelines", keys, args) == LEASE_LOST:
                raise LeadershipLost("another bot lists the pipelines now")


def _pipeline(pipeline_id: str, row: bytes) -> Pipeline:
    return decode_pipeline_row(PipelineId(pipeline_id), row)
