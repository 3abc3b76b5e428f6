"""Connections to GoldRush, kept warm: one HTTP client for each.

In one client's pool every request looks at every connection once for each of the others: a read cost 2 ms of CPU with 8
connections, and 32 ms with 256 (httpx 0.28, httpcore 1.0, measured on a busy machine). Trouble leaves many connections
behind, and then all reads were late.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import httpx

IDLE_SECONDS = 60.0  # a connection outlives the pause between two reads: no new TLS handshake for each


class Connections:
    """Whoever takes one gives it back. The one used last is taken first: those too many rest, and are closed."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._resting: deque[tuple[float, httpx.AsyncClient]] = deque()  # the one used last at the right
        self._taken: set[httpx.AsyncClient] = set()

    async def take(self) -> httpx.AsyncClient:
        await self._close_before(asyncio.get_running_loop().time() - IDLE_SECONDS)
        http = self._resting.pop()[1] if self._resting else self._make()
        self._taken.add(http)
        return http

    def give_back(self, http: httpx.AsyncClient) -> None:
        self._taken.remove(http)
        self._resting.append((asyncio.get_running_loop().time(), http))

    async def close(self) -> None:
        for http in tuple(self._taken):
            await http.aclose()
        await self._close_before(float("inf"))

    async def _close_before(self, moment: float) -> None:
        while self._resting and self._resting[0][0] < moment:
            await self._resting.popleft()[1].aclose()
