"""Writes to a store as the bot does, and keeps count of what was confirmed."""

import asyncio
from typing import Self, cast

from bot.ports.store_errors import StoreAway, StoreRolledBack
from tests.builders import a_message
from tests.stores import WholeStore


class Writing:
    """At the end of the block, each confirmed write must be there, unless a recovery has come after it."""

    def __init__(self, store: WholeStore) -> None:
        self._store = store
        self._confirmed: list[tuple[str, int]] = []
        self.recoveries = 0
        """How often the store said that a write may be lost."""

    async def more(self, number: int) -> None:
        for _ in range(number):
            await self._one()

    async def until_recovered(self) -> None:
        before = self.recoveries
        while self.recoveries == before:
            await self._one()

    async def _one(self) -> None:
        """Waits while the store is away, and recovers from a rollback."""
        message = a_message(f"message {len(self._confirmed)}")
        while True:
            try:
                await self._store.enqueue([message])
            except StoreRolledBack:
                await self._recover()
            except StoreAway:
                await asyncio.sleep(0.02)
            else:
                self._confirmed.append((message.id, self.recoveries))
                return

    async def _recover(self) -> None:
        self.recoveries += 1
        try:
            await self._store.accept_loss(None)
        except StoreAway:
            await asyncio.sleep(0.02)

    async def __aenter__(self) -> Self:
        await self._store.last_heartbeat()  # introduces the process
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            missing = await self.missing()
            silent = [id_ for id_, after in self._confirmed if id_ in missing and after == self.recoveries]
            assert not silent, f"lost without a word: {silent}"

    async def missing(self) -> list[str]:
        """The confirmed writes that are not there now."""
        rows = cast("list[bytes]", await self._store._redis.hkeys(self._store._keys["deliveries"]))
        stored = {row.decode() for row in rows}
        return [id_ for id_, _ in self._confirmed if id_ not in stored]
