"""Limits on the HTTP server's connections: aiohttp has no deadline for a request head, and no cap on connections.

A connection is trusted after one request with Slack's valid signature. The limiter drops only untrusted connections.
"""

import asyncio
import resource
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import HttpRefused

BACKLOG = 100
"""How many connections asyncio accepts at once before it can refuse the first of them."""
RESERVED_DESCRIPTORS = 100 + BACKLOG
"""Reserved for Redis, GoldRush, Slack and files, and for accepted connections that the limiter will refuse."""
FEWEST_CONNECTIONS = 8
LOG_EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How many connections may be open, and how many seconds each step may take."""

    connections: int = 200
    head: float = 5.0
    """From the first byte of a request on a trusted connection. From the opening of any other connection."""
    body: float = 5.0
    request: float = 30.0
    idle: float = 3630.0
    """Between two requests on a trusted connection: longer than a reverse proxy keeps its own connections."""


def descriptor_limit() -> int:
    """How many descriptors this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def connection_cap(wanted: int, outgoing: int, soft_limit: int) -> int:
    """The number of connections to accept. Leaves descriptors for `outgoing` connections."""
    return max(FEWEST_CONNECTIONS, min(wanted, soft_limit - RESERVED_DESCRIPTORS - outgoing))


class Refusals:
    """Counts refusals by reason and logs them together: the first at once, later ones once a minute."""

    def __init__(self, server: str, log_every_seconds: float = LOG_EVERY_SECONDS) -> None:
        self._server = server
        self._seconds = log_every_seconds
        self._counts: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def count(self, reason: str) -> None:
        self._counts[reason] += 1
        if self._timer is None:
            self._log()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _log(self) -> None:
        self._timer = None
        if self._counts:
            emit(HttpRefused(server=self._server, **self._counts))
            self._counts.clear()
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._log)


class ConnectionLimiter:
    """Holds the open connections, oldest first, and makes room for new ones."""

    def __init__(self, limits: ConnectionLimits, refusals: Refusals) -> None:
        self.limits = limits
        self.refusals = refusals
        self._open: dict[asyncio.BaseTransport, Connection] = {}

    def __len__(self) -> int:
        return len(self._open)

    def connection_for(self, transport: asyncio.BaseTransport | None) -> "Connection | None":
        return self._open.get(transport) if transport is not None else None

    def admit(self, connection: "Connection", transport: asyncio.Transport) -> bool:
        if len(self._open) >= self.limits.connections and not self._make_room():
            return False
        self._open[transport] = connection
        return True

    def forget(self, transport: asyncio.Transport) -> None:
        self._open.pop(transport, None)

    def _make_room(self) -> bool:
        """Drops the oldest untrusted connection. False if all are trusted."""
        victim = next((connection for connection in self._open.values() if not connection.trusted), None)
        if victim is not None:
            victim.drop("no_room")
        return victim is not None


@dataclass(slots=True, eq=False)
class Connection(asyncio.Protocol):
    """One HTTP connection: stands between its transport and aiohttp's protocol, and closes it after a deadline.

    `trusted`: a request with Slack's valid signature came over it.
    """

    limiter: ConnectionLimiter
    inner: asyncio.Protocol
    trusted: bool = False
    _transport: asyncio.Transport | None = None
    _timer: asyncio.TimerHandle | None = None
    _waiting: bool = field(default=True)
    """True between requests, until the first byte of the next head."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)  # TCP gives no other; uvloop's does not derive from it
        if not self.limiter.admit(self, stream):
            self.limiter.refusals.count("no_room")
            stream.abort()
            return
        self._transport = stream
        self._deadline(self.limiter.limits.head, "head_late")
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self._waiting and self.trusted:
            self._deadline(self.limiter.limits.head, "head_late")
        self._waiting = False
        self.inner.data_received(data)

    def request_began(self) -> None:
        """The head is complete."""
        self._deadline(self.limiter.limits.request, "request_late")

    def request_ended(self) -> None:
        self._waiting = True
        limits = self.limiter.limits
        if self.trusted:
            self._deadline(limits.idle, "")
        else:
            self._deadline(limits.head, "head_late")

    def drop(self, reason: str) -> None:
        """Closes at once, without waiting for a slow client. Counts a refusal if there is a reason."""
        if self._transport is None:
            return
        if reason:
            self.limiter.refusals.count(reason)
        self.limiter.forget(self._transport)
        self._transport.abort()

    def _deadline(self, seconds: float, reason: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.drop, reason)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self.limiter.forget(self._transport)
            self._transport = None
            self.inner.connection_lost(exc)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received() if self._transport is not None else None

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()


ProtocolFactory = Callable[[], asyncio.Protocol]


def limited(factory: ProtocolFactory, limiter: ConnectionLimiter) -> ProtocolFactory:
    """`factory` with the limits in front of each connection."""
    return lambda: Connection(limiter, factory())
