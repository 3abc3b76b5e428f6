"""Two readers written by hand, as peers: they read every pipeline in turn and compare its phase, and nothing else.

    python -m bench.plain_readers {sockets,aiohttp} HOST PORT COUNT PERIOD

Both keep 8 connections open, give each read 5 s, take gzip, and parse the JSON. The first is as thrifty as asyncio
allows: a protocol and a timer per connection, without streams or tasks. A failed read ends the program.
"""

import asyncio
import json
import sys
import zlib
from dataclasses import dataclass

import aiohttp

from bench.fake_goldrush import BASE, pipeline_id

WORKERS = 8
DEADLINE_SECONDS = 5.0
GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    host: str
    port: int
    count: int
    period: float
    """Seconds between two reads of one pipeline."""


class Fleet:
    """The share of one worker: every eighth pipeline, evenly spread over the period."""

    def __init__(self, target: Target, worker: int, began: float) -> None:
        self._paths = [f"{BASE}{pipeline_id(number)}/status/" for number in range(worker, target.count, WORKERS)]
        self._step = target.period / len(self._paths)
        self._next = 0
        self._phases: dict[str, str] = {}
        self.due = began + self._step * worker / WORKERS

    def take(self) -> str:
        """The path to read at `due`; moves on to the next."""
        path = self._paths[self._next]
        self._next = (self._next + 1) % len(self._paths)
        self.due += self._step
        return path

    def keep(self, path: str, body: bytes) -> None:
        phase = json.loads(body)["data"]["status"]
        if self._phases.get(path, phase) != phase:
            print(path, phase)
        self._phases[path] = phase


class Exchange(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, target: Target, worker: int, failed: "asyncio.Future[None]") -> None:
        self._loop = asyncio.get_running_loop()
        self._failed = failed
        self._fleet = Fleet(target, worker, self._loop.time())
        self._fields = (
            f" HTTP/1.1\r\nHost: {target.host}:{target.port}\r\nAccept: application/json\r\n"
            "Accept-Encoding: gzip\r\nAuthorization: Bearer demo-service-key\r\n\r\n"
        )
        self._path = ""
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop.call_at(self._fleet.due, self._send)

    def _send(self) -> None:
        assert self._transport is not None
        self._path = self._fleet.take()
        self._deadline = self._loop.call_later(DEADLINE_SECONDS, self.connection_lost, TimeoutError())
        self._transport.write(f"GET {self._path}{self._fields}".encode())

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        head = head.lower()
        if len(body) < int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]):
            return
        assert self._deadline is not None
        self._deadline.cancel()
        if not head.startswith(b"http/1.1 200"):
            self.connection_lost(ConnectionError(head.decode()))
            return
        self._fleet.keep(self._path, zlib.decompress(body, GZIP) if b"content-encoding: gzip" in head else body)
        self._received = b""
        self._loop.call_at(self._fleet.due, self._send)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._failed.done():
            self._failed.set_exception(exc or ConnectionError("closed"))


async def over_sockets(target: Target) -> None:
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    for worker in range(WORKERS):
        await loop.create_connection(lambda worker=worker: Exchange(target, worker, failed), target.host, target.port)  # type: ignore[misc]
    await failed


async def over_aiohttp(target: Target) -> None:
    headers = {"Authorization": "Bearer demo-service-key", "Accept": "application/json"}
    limit, timeout = aiohttp.TCPConnector(limit=WORKERS), aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
    session = aiohttp.ClientSession(headers=headers, connector=limit, timeout=timeout)
    async with session, asyncio.TaskGroup() as tasks:
        for worker in range(WORKERS):
            tasks.create_task(_keep_reading(session, target, worker))


async def _keep_reading(session: aiohttp.ClientSession, target: Target, worker: int) -> None:
    loop = asyncio.get_running_loop()
    share = Fleet(target, worker, loop.time())
    while True:
        await asyncio.sleep(share.due - loop.time())
        path = share.take()
        async with session.get(f"http://{target.host}:{target.port}{path}") as response:
            response.raise_for_status()
            share.keep(path, await response.read())


if __name__ == "__main__":
    kind, host, port, count, period = sys.argv[1:]
    reading = {"sockets": over_sockets, "aiohttp": over_aiohttp}[kind]
    asyncio.run(reading(Target(host=host, port=int(port), count=int(count), period=float(period))))
