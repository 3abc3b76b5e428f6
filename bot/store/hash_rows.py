"""Rows of one hash in Redis, each replaced only if it is still as this process read it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar, cast

from bot.ports.lease_store import READER, Lease
from bot.ports.store_errors import LeadershipLost
from bot.store.batches import READ_AT_ONCE, batched, scanned
from bot.store.codec import Codec
from bot.store.scripts import LEASE_LOST, Scripts, translating_redis_errors

RowT = TypeVar("RowT")
TRIES = 3


class HashRows(Generic[RowT]):
    """Reads and replaces the rows of one hash. A damaged row counts as none, so that the next write replaces it."""

    def __init__(self, scripts: Scripts, key: str, codec: Codec[RowT]) -> None:
        self._scripts = scripts
        self._key = key
        self._codec = codec

    async def read(self, fields: Sequence[str]) -> Mapping[str, RowT]:
        """The rows by their fields. Leaves out the fields without one."""
        return {field: row for field, (_, row) in (await self._read(fields)).items() if row is not None}

    async def update(
        self, fields: Sequence[str], updated: Callable[[str, RowT | None], RowT | None], lease: Lease | None = None
    ) -> None:
        """Replaces each row by what `updated` returns; None removes it. Writes nothing for a row that stays as it is.

        `updated` runs again for a row that another process replaced meanwhile, at most twice.

        Raises:
            LeadershipLost: `lease`, the leader's, is lost. Nothing more was written.
        """
        for batch in batched(fields, READ_AT_ONCE):
            for _ in range(TRIES):
                if not await self._update(batch, updated, lease):
                    break

    async def remove(
        self, is_old: Callable[[RowT], bool], most: int = 0, order: Callable[[RowT], float] | None = None
    ) -> None:
        """Removes old and damaged rows, and with `order` the first ones beyond `most`."""
        places: dict[str, float] = {}
        old: list[str] = []
        async for rows in scanned(self._scripts.redis, self._key):
            readable = self._decoded((key.decode(), raw) for key, raw in rows.items())
            old += [key for key in map(bytes.decode, rows) if key not in readable or is_old(readable[key])]
            if order:
                places |= {key: order(row) for key, row in readable.items() if not is_old(row)}
        if order and len(places) > most:
            old += sorted(places, key=places.__getitem__)[: len(places) - most]
        for batch in batched(old, READ_AT_ONCE):
            with translating_redis_errors():
                await self._scripts.redis.hdel(self._key, *batch)

    async def _read(self, fields: Sequence[str]) -> dict[str, tuple[bytes, RowT | None]]:
        if not fields:
            return {}
        with translating_redis_errors():
            query = self._scripts.redis.hmget(self._key, list(fields))
            rows = cast("list[bytes | None]", await query)
        by_field = dict(zip(fields, rows, strict=True))
        readable = self._decoded(by_field.items())
        return {field: (raw or b"", readable.get(field)) for field, raw in by_field.items()}

    def _decoded(self, rows: Iterable[tuple[str, bytes | None]]) -> dict[str, RowT]:
        return self._scripts.readable(self._key.rpartition(":")[2], rows, lambda _, row: self._codec.decode(row))

    async def _update(
        self, fields: Sequence[str], updated: Callable[[str, RowT | None], RowT | None], lease: Lease | None
    ) -> int:
        """The number of rows that another process replaced meanwhile."""
        args: list[str | int | bytes] = [lease.token if lease else ""]
        for field, (raw, row) in (await self._read(fields)).items():
            after = updated(field, row)
            if after is not row:
                args += [field, raw, "" if after is None else self._codec.encode(after)]
        if len(args) == 1:
            return 0
        keys = [self._key, self._scripts.keys.lease(READER)]
        answer = await self._scripts.run("replace_rows", keys, args)
        if answer == LEASE_LOST:
            raise LeadershipLost("another bot leads now")
        return answer
