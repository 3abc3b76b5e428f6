"""The posted calls that still ask somebody to act, in Redis."""

from collections.abc import Awaitable, Sequence
from typing import cast

from bot.domain.delivery import Delivery, Message, Receiver
from bot.store.codec import decode_delivery, encode_delivery
from bot.store.port import RedisPort
from bot.store.scripts import translating_redis_errors

KEPT_SECONDS = 7 * 86_400


class RedisPostedCalls(RedisPort):
    """Implements `PostedCalls`. Each row is the delivery to enqueue."""

    async def save_call(self, ending: Message) -> None:
        key = self._keys.calls(ending.receiver)
        with translating_redis_errors():
            await self._redis.hset(key, ending.id, encode_delivery(Delivery(message=ending)))
            await self._redis.expire(key, KEPT_SECONDS)

    async def calls(self, receiver: Receiver) -> tuple[Message, ...]:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys.calls(receiver)))
        calls = self._scripts.readable("calls", sorted(rows.items()), lambda _, row: decode_delivery(row, self.team))
        return tuple(call.message for call in calls.values())

    async def end_calls(self, endings: Sequence[Message]) -> None:
        outboxes, rows = self._scripts.enqueue_arguments(endings)
        ids = [ending.id for ending in endings]
        keys = [self._keys.calls(endings[0].receiver), *outboxes]
        await self._scripts.write("remove_and_enqueue", keys, [len(ids), *ids, *rows])
