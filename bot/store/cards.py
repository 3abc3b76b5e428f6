"""The cards that channels have, in Redis."""

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import cast

from bot.domain.card import Burst, PostedCard
from bot.domain.delivery import Receiver
from bot.domain.grouping import burst_id
from bot.store.codec import decode_posted_card
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors


class RedisCards(RedisPort):
    """Implements `Cards`."""

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]:
        if not keys:
            return {}
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.hgetall(self._keys.card(key))
                rows = await pipe.execute()
        with decoding("card"):
            return {key: decode_posted_card(row) for key, row in zip(keys, rows, strict=True) if b"content" in row}

    async def group(self, group_key: str) -> tuple[PostedCard, ...]:
        with translating_redis_errors():
            card_keys = await cast("Awaitable[set[bytes]]", self._redis.smembers(self._keys.group(group_key)))
        cards = await self.cards(sorted(card_key.decode() for card_key in card_keys))
        return tuple(sorted(cards.values(), key=lambda card: card.content.pipeline.name.lower()))

    async def burst_of(self, group_key: str) -> Burst:
        groups = await self._groups(burst_id(group_key))
        if group_key not in groups:
            return Burst()
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for group in groups:
                    pipe.scard(self._keys.group(group))
                sizes = await pipe.execute()
        return Burst(total=sum(sizes), first=groups[0] == group_key)

    async def growing(self, receiver: Receiver) -> tuple[str, ...]:
        with translating_redis_errors():
            stored = await cast("Awaitable[bytes | None]", self._redis.get(self._keys.growing(receiver)))
        burst, _, until = stored.decode().partition(" ") if stored else ("", "", "")
        return await self._groups(burst) if burst and self._clock.now() < datetime.fromisoformat(until) else ()

    async def _groups(self, burst: str) -> tuple[str, ...]:
        with translating_redis_errors():
            keys = await cast("Awaitable[list[bytes]]", self._redis.zrange(self._keys.burst(burst), 0, -1))
        return tuple(key.decode() for key in keys)
