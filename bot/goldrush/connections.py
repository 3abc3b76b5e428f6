"""Lends connections to GoldRush, and closes those that were idle for long."""

import asyncio
from collections import deque
from collections.abc import Callable

import httpx

from bot.goldrush.connection import PersistentConnection

IDLE_SECONDS = 60.0  # longer than the pause between two reads, which saves a TLS handshake each time


class Connections:
    """Lends transports of one connection each. The one used last goes first, so that surplus ones stay idle.

    No transport has a pool: httpx's pool compares all connections with each other on every request.
    """

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._make = make
        self._idle: deque[tuple[float, httpx.AsyncBaseTransport]] = deque()  # the one used last is at the right
        self._made: list[httpx.AsyncBaseTransport] = []
        self._acquired_at = 0.0
        """When anybody last acquired a connection."""
        self._loop: asyncio.AbstractEventLoop
        """Kept from `acquire` on: asking for it costs a system call in Python 3.11."""

    async def acquire(self) -> httpx.AsyncBaseTransport:
        """Lends an idle connection, or makes a new one. Closes those that were idle for too long."""
        self._loop = asyncio.get_running_loop()
        self._acquired_at = self._loop.time()
        moment = self._acquired_at - IDLE_SECONDS
        if self._idle and self._idle[0][0] < moment:
            await self._close_before(moment)
        if self._idle:
            return self._idle.pop()[1]
        connection = self._make()
        self._made.append(connection)
        return connection

    def acquire_open(self) -> PersistentConnection | None:
        """Lends the connection used last, if it is open. Never waits, so it leaves closing others to `acquire`."""
        if not self._idle:
            return None
        now = self._loop.time()
        if self._idle[0][0] < now - IDLE_SECONDS:
            return None
        connection = self._idle[-1][1]
        if not isinstance(connection, PersistentConnection) or not connection.is_open:
            return None
        self._acquired_at = now
        self._idle.pop()
        return connection

    def release(self, connection: httpx.AsyncBaseTransport) -> None:
        """Takes a lent connection back."""
        self._idle.append((self._acquired_at, connection))

    async def close(self) -> None:
        """Closes all connections, the lent ones too."""
        for connection in tuple(self._made):
            await connection.aclose()
        self._made.clear()
        self._idle.clear()

    async def _close_before(self, moment: float) -> None:
        while self._idle and self._idle[0][0] < moment:
            connection = self._idle.popleft()[1]
            self._made.remove(connection)
            await connection.aclose()
