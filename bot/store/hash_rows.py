"""Rows of one hash in Redis, each replaced only if it is still as this process read it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar, cast

from bot.ports.lease_store import READER, Lease
from bot.ports.store_errors import LeadershipLost
from bot.store.batches import READ_AT_ONCE, batched, scanned
from bot.store.codec import Codec
from bot.store.scripts import LEASE_LOST, Scripts, decoding, translating_redis_errors

RowT = TypeVar("RowT")
TRIES = 3


class HashRows(Generic[RowT]):
    """Reads and replaces the rows of one hash."""

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
        """Removes old rows, and with `order` the first ones beyond `most`."""
        places: dict[str, float] = {}
        old: list[str] = []
        async for rows in scanned(self._scripts.redis, self._key):
            with decoding(self._key.rpartition(":")[2]):
                for key, raw in rows.items():
                    row = self._codec.decode(raw)
                    if is_old(row):
                        old.append(key.decode())
                    elif order:
                        places[key.decode()] = order(row)
        if order and len(places) > most:
            old += sorted(places, key=places.__getitem__)[: len(places) - most]
        for batch in batched(old, READ_AT_ONCE):
            with translating_redis_errors():
                await self._scripts.redis.hdel(self._key, *batch)

    async def _read(self, fields: Sequence[str]) -> dict[str, tuple[str, RowT | None]]:
        if not fields:
            return {}
        with translating_redis_errors():
            query = self._scripts.redis.hmget(self._key, list(fields))
            rows = cast("list[bytes | None]", await query)
        with decoding(self._key.rpartition(":")[2]):
            return {
                field: (raw.decode(), self._codec.decode(raw)) if raw else ("", None)
                for field, raw in zip(fields, rows, strict=True)
            }

    async def _update(
        self, fields: Sequence[str], updated: Callable[[str, RowT | None], RowT | None], lease: Lease | None
    ) -> int:
        """The number of rows that another process replaced meanwhile."""
        args: list[str | int] = [lease.token if lease else ""]
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
