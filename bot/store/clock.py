"""Redis' own clock, and the latest time of the bots."""

from datetime import UTC, datetime, timedelta
from typing import cast

from bot.ports.store_time import StoreTime
from bot.store.scripts import Scripts, translating_redis_errors

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class RedisClock:
    """Implements `TimeStore`."""

    def __init__(self, scripts: Scripts) -> None:
        self._script = scripts.script("clock")
        self._key = scripts.keys["clock"]

    async def time(self, now: datetime | None = None) -> StoreTime:
        with translating_redis_errors():
            answer = await self._script(keys=[self._key], args=[(now - _EPOCH) // _MICROSECOND if now else ""])
        latest, clock = (_EPOCH + number * _MICROSECOND for number in cast("list[int]", answer))
        return StoreTime(latest, clock)
