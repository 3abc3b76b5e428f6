"""The pauses that the receivers' services asked for, and the levels of the token buckets, in Redis."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import cast

from bot.domain.delivery import Receiver, ReceiverKind
from bot.store.port import RedisPort
from bot.store.scripts import translating_redis_errors

_VERSION_0 = {"chat.postMessage": "post", "chat.update": "update", "conversations.history": "history"}


class RedisRateLimits(RedisPort):
    """Implements `RateLimitStore`."""

    async def throttles(self) -> Mapping[tuple[ReceiverKind, str], datetime]:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["holds"]))
        ends = self._scripts.readable("holds", rows.items(), lambda _, span: datetime.fromisoformat(_end(span)))
        old_first = sorted(ends.items(), key=lambda end: end[0].decode() not in _VERSION_0)
        return {self._method(name.decode()): until for name, until in old_first}

    def _method(self, name: str) -> tuple[ReceiverKind, str]:
        """A stored name has the form of `Receiver.name`: `post` for Slack, `KIND:post` for another service."""
        method = Receiver.from_name(self.team, _VERSION_0.get(name, name))
        return method.kind, method.id

    async def save_throttle(self, kind: ReceiverKind, method: str, until: datetime) -> None:
        """The row also says since when: people read it, and so do earlier versions of the bot."""
        name = Receiver(self.team, kind, method).name
        row = f"{self._clock.now().isoformat()} {until.isoformat()}"
        with translating_redis_errors():
            await self._redis.hset(self._keys["holds"], name, row)

    async def full_buckets(self) -> Mapping[tuple[ReceiverKind, str], datetime]:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["buckets"]))
        times = self._scripts.readable("buckets", rows.items(), lambda _, at: datetime.fromisoformat(at.decode()))
        return {self._method(name.decode()): at for name, at in times.items()}

    async def save_full_buckets(self, full_at: Mapping[tuple[ReceiverKind, str], datetime]) -> None:
        rows = {Receiver(self.team, kind, method).name: at.isoformat() for (kind, method), at in full_at.items()}
        with translating_redis_errors():
            await self._redis.hset(self._keys["buckets"], items=[part for row in rows.items() for part in row])


def _end(span: bytes) -> str:
    _, end = span.decode().split()
    return end
