"""Postmortems, each enqueued once, in Redis."""

from bot.domain.delivery import Message
from bot.store.codec import encode_message
from bot.store.port import RedisPort
from bot.store.scripts import translating_redis_errors

KEPT_SECONDS = 30 * 24 * 3600  # as long as the card, whose button asks for it


class RedisPostmortems(RedisPort):
    """Implements `PostmortemStore`."""

    async def has_postmortem(self, message_id: str) -> bool:
        with translating_redis_errors():
            return bool(await self._redis.exists(self._keys.postmortem(message_id)))

    async def begin_canvas(self, message_id: str) -> bool:
        with translating_redis_errors():
            return bool(await self._redis.set(self._keys.canvas(message_id), "", nx=True, ex=KEPT_SECONDS))

    async def add_postmortem(self, message: Message) -> bool:
        keys = [self._keys.postmortem(message.id), self._keys.outbox(message.lane)]
        args: list[str | int] = [KEPT_SECONDS, message.lane.name, message.id, encode_message(message)]
        return bool(await self._scripts.write("hello", keys, args))
