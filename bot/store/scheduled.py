"""The scheduled messages that the bot knows, in Redis."""

from collections.abc import Awaitable, Sequence
from typing import cast

from bot.domain.backup import ScheduledRow
from bot.domain.delivery import Message
from bot.store.codec import SCHEDULED
from bot.store.port import RedisPort
from bot.store.scripts import translating_redis_errors


class RedisScheduled(RedisPort):
    """Implements `ScheduledStore`. A lost row is harmless: a listing finds the message."""

    async def scheduled(self) -> tuple[ScheduledRow, ...]:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["scheduled"]))
        return tuple(self._scripts.readable("scheduled", rows.items(), lambda _, row: SCHEDULED.decode(row)).values())

    async def save_scheduled(self, row: ScheduledRow) -> None:
        with translating_redis_errors():
            await self._redis.hset(self._keys["scheduled"], row.id, SCHEDULED.encode(row))

    async def forget_scheduled(self, rows: Sequence[ScheduledRow], notices: Sequence[Message] = ()) -> None:
        outboxes, enqueued = self._scripts.enqueue_arguments(notices)
        ids = [row.id for row in rows]
        await self._scripts.write(
            "remove_and_enqueue", [self._keys["scheduled"], *outboxes], [len(ids), *ids, *enqueued]
        )
