"""Spaces the requests of all readers, so that batches which waited for a reader cause no burst."""

from collections.abc import Sequence
from importlib.resources import files
from typing import cast

from redis.asyncio import Redis

_MICROSECONDS = 1_000_000


class Gate:
    """One for all readers of a stream: Redis holds its state."""

    def __init__(self, redis: Redis, stream: str) -> None:
        self._script = redis.register_script(files("bot.readers").joinpath("gate.lua").read_text())
        self._key = f"{stream}:gate"

    async def pass_through(self, reads: int, spacing: float, *, within: float) -> Sequence[float]:
        """Reserves times for reads. Returns the seconds until each one may begin: fewer than `reads`, if the others
        could not begin `within` that number of seconds.

        Raises:
            RedisError, OSError: Redis does not answer.
        """
        if within <= 0:
            return ()
        arguments = [reads, round(spacing * _MICROSECONDS) or 1, round(within * _MICROSECONDS)]
        given, wait = cast("tuple[int, int]", await self._script(keys=[self._key], args=arguments))
        return [wait / _MICROSECONDS + number * spacing for number in range(given)]
