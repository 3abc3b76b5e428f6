"""The record of each pipeline, in Redis."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from sys import intern

from bot.domain.episode import EpisodeKind
from bot.domain.observation import PipelineId
from bot.domain.plan import Record
from bot.ports.changes import Changes
from bot.store.batches import READ_AT_ONCE, batched, scanned
from bot.store.change_log import ChangeLog
from bot.store.codec import RECORD
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors

_NO_IDENTITIES: Mapping[EpisodeKind, str] = {}


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
            return await self._all_records()
        found: dict[PipelineId, Record] = {}
        for batch in batched(pipeline_ids, READ_AT_ONCE):
            found |= await self._some(batch)
        return found

    async def _all_records(self) -> dict[PipelineId, Record]:
        """Reads the versions before the rows, so a row is at least as new: its next write shows if it is newer."""
        versions: dict[bytes, int] = {}
        async for numbers in scanned(self._redis, self._keys["versions"]):
            with decoding("versions"):
                versions |= {key: int(version) for key, version in numbers.items()}
        found: dict[PipelineId, Record] = {}
        async for rows in scanned(self._redis, self._keys["records"]):
            shared = [(PipelineId(intern(key.decode())), row) for key, row in rows.items()]  # all share one text
            readable = self._decoded_rows(shared)
            for pipeline_id, _ in shared:
                found[pipeline_id] = _record(pipeline_id, readable, versions.get(pipeline_id.encode(), 0))
        return found

    def _decoded_rows(self, rows: Iterable[tuple[str, bytes | None]]) -> Mapping[str, Record]:
        return self._scripts.readable("records", rows, lambda _, row: RECORD.decode(row))

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
        readable = self._decoded_rows(zip(pipeline_ids, rows, strict=True))
        with decoding("versions"):
            return {
                pipeline_id: _record(pipeline_id, readable, int(version or 0))
                for pipeline_id, row, version in zip(pipeline_ids, rows, versions, strict=True)
                if row or version
            }


def _record(pipeline_id: PipelineId, readable: Mapping[str, Record], version: int) -> Record:
    """Without a readable row, the record is empty: the next reading fills it."""
    record = readable.get(pipeline_id) or Record(pipeline_id=pipeline_id)
    _share(record, pipeline_id, version)
    return record


def _share(record: Record, pipeline_id: PipelineId, version: int) -> None:
    """Completes a record that was just made, and replaces equal parts by one: that halves its memory.

    It changes frozen objects. Nobody else has them yet, and copies would take longer than the decoding.
    """
    put = object.__setattr__
    put(record, "pipeline_id", pipeline_id)
    put(record, "version", version)
    if not record.identities:
        put(record, "identities", _NO_IDENTITIES)
    state = record.state
    if not state.running_seconds:
        put(state, "running_seconds", 0.0)
    observation, healthy = state.observation, state.healthy
    if healthy and healthy.since == state.since:
        put(healthy, "since", state.since)
    if observation:
        put(observation, "pipeline_id", pipeline_id)
        if observation.observed_at == state.since:
            put(observation, "observed_at", state.since)
        for name in ("sequence", "uid", "start_time"):
            if getattr(observation, name) == getattr(state, name):
                put(observation, name, getattr(state, name))
