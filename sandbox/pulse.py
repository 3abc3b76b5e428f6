"""A signal that something visible changed. The live page and the tests wait for it instead of polling."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Pulse:
    """Each beat wakes everyone who waits. It queues nothing."""

    def __init__(self, on_beat: Callable[[], None] | None = None) -> None:
        self._next = asyncio.Event()
        self._on_beat = on_beat

    def beat(self) -> None:
        self._next.set()
        self._next = asyncio.Event()
        if self._on_beat is not None:
            self._on_beat()

    async def until(self, condition: Callable[[], T], seconds: float) -> T:
        """The first true result of `condition`, called again at each beat. TimeoutError at the deadline."""
        async with asyncio.timeout(seconds):
            while not (answer := condition()):
                await self._next.wait()
            return answer
