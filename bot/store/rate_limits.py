"""The pauses that the receivers' services asked for, and the levels of the token buckets, in Redis."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import cast

from bot.domain.delivery import Receiver, ReceiverKind
from bot.store.losses import MARK
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors

_VERSION_0 = {"chat.postMessage": "post", "chat.update": "update", "conversations.history": "history"}


class RedisRateLimits(RedisPort):
    """Implements `RateLimitStore`."""

    async def throttles(self) -> Mapping[tuple[ReceiverKind, str], datetime]:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["holds"]))
        spans = {name.decode(): span.decode().split() for name, span in rows.items() if name != MARK}
        old_first = sorted(spans.items(), key=lambda span: span[0] not in _VERSION_0)
        with decoding("holds"):
            return {self._method(name): datetime.fromisoformat(until) for name, (_, until) in old_first}

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
        with decoding("buckets"):
            return {self._method(name.decode()): datetime.fromisoformat(at.decode()) for name, at in rows.items()}

    async def save_full_buckets(self, full_at: Mapping[tuple[ReceiverKind, str], datetime]) -> None:
        rows = {Receiver(self.team, kind, method).name: at.isoformat() for (kind, method), at in full_at.items()}
        with translating_redis_errors():
            await self._redis.hset(self._keys["buckets"], items=[part for row in rows.items() for part in row])
