"""The drills that run, in Redis."""

from collections.abc import Awaitable, Sequence
from typing import cast

from bot.domain.delivery import Message
from bot.domain.drill import Drill
from bot.domain.watch import ChannelId
from bot.store.codec import DRILL
from bot.store.port import RedisPort
from bot.store.scripts import translating_redis_errors


class RedisDrills(RedisPort):
    """Implements `DrillStore`, together with `RedisReceipts`."""

    async def drills(self) -> tuple[Drill, ...]:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["drills"]))
        return tuple(self._scripts.readable("drills", rows.items(), lambda _, row: DRILL.decode(row)).values())

    async def begin_drill(self, drill: Drill, tests: Sequence[Message]) -> bool:
        outboxes, rows = self._scripts.enqueue_arguments(tests)
        keys = [self._keys["drills"], *outboxes]
        return bool(await self._scripts.write("add_and_enqueue", keys, [drill.channel, DRILL.encode(drill), *rows]))

    async def save_drill(self, drill: Drill) -> None:
        with translating_redis_errors():
            await self._redis.hset(self._keys["drills"], drill.channel, DRILL.encode(drill))

    async def remove_drill(self, channel: ChannelId) -> None:
        with translating_redis_errors():
            await self._redis.hdel(self._keys["drills"], channel)
