"""The rate-limit pauses that Slack asked for, in Redis."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import cast

from bot.store.losses import MARK
from bot.store.port import RedisPort
from bot.store.scripts import away

_VERSION_0 = {"chat.postMessage": "post", "chat.update": "update", "conversations.history": "history"}


class RedisRateLimits(RedisPort):
    async def throttles(self) -> Mapping[str, datetime]:
        with away():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["holds"]))
        spans = {name.decode(): span.decode().split() for name, span in rows.items() if name != MARK}
        old_first = sorted(spans.items(), key=lambda span: span[0] not in _VERSION_0)
        return {_VERSION_0.get(name, name): datetime.fromisoformat(until) for name, (_, until) in old_first}

    async def save_throttle(self, method: str, until: datetime) -> None:
        """The row also says since when: people read it, and so do earlier versions of the bot."""
        row = f"{self._clock.now().isoformat()} {until.isoformat()}"
        with away():
            await self._redis.hset(self._keys["holds"], method, row)
