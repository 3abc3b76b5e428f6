"""Keeps connections to GoldRush warm, each in an HTTP client of its own.

A shared pool compares every connection with every other one on each request. A read cost 2 ms of CPU with 8 connections
and 32 ms with 256 (httpx 0.28, httpcore 1.0, on a busy machine). After an outage, many connections made all reads late.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import httpx

IDLE_SECONDS = 60.0  # longer than the pause between two reads, which saves a TLS handshake each time


class Connections:
    """Lends clients. The client used last goes first, so that surplus ones stay idle and get closed."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._idle: deque[tuple[float, httpx.AsyncClient]] = deque()  # the one used last is at the right
        self._taken: set[httpx.AsyncClient] = set()

    async def acquire(self) -> httpx.AsyncClient:
        """Lends an idle client, or makes a new one. Closes those that were idle for too long."""
        await self._close_before(asyncio.get_running_loop().time() - IDLE_SECONDS)
        http = self._idle.pop()[1] if self._idle else self._make()
        self._taken.add(http)
        return http

    def release(self, http: httpx.AsyncClient) -> None:
        """Takes a lent client back."""
        self._taken.remove(http)
        self._idle.append((asyncio.get_running_loop().time(), http))

    async def close(self) -> None:
        """Closes all clients, the lent ones too."""
        for http in tuple(self._taken):
            await http.aclose()
        await self._close_before(float("inf"))

    async def _close_before(self, moment: float) -> None:
        while self._idle and self._idle[0][0] < moment:
            await self._idle.popleft()[1].aclose()
