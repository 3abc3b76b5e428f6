"""A signal that something visible changed. The live page and the tests wait for it instead of polling."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Changes:
    """Each change wakes everyone who waits. It queues nothing."""

    def __init__(self, on_change: Callable[[], None] | None = None) -> None:
        self._next = asyncio.Event()
        self._on_change = on_change

    def notify(self) -> None:
        self._next.set()
        self._next = asyncio.Event()
        if self._on_change is not None:
            self._on_change()

    async def until(self, condition: Callable[[], T], seconds: float) -> T:
        """The first true result of `condition`, called again at each change. TimeoutError at the deadline."""
        async with asyncio.timeout(seconds):
            while not (answer := condition()):
                await self._next.wait()
            return answer
