"""Fuzzes GoldRush's answers as bytes on a connection: framing, headers, ends. The bot's own client reads them."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from time import process_time

from bot.domain.phase import Phase
from bot.goldrush.client import Client
from bot.ports.pipeline_api import ApiError
from tests.builders import ORDERS
from tests.fuzz.bot_under_fire import Trip, tracebacks
from tests.fuzz.goldrush_bodies import KEY, PAYLOADS, check_value, check_words
from tests.fuzz.goldrush_reader import Reader, a_reader
from tests.fuzz.mangle import NASTY, bent, mangled, mangled_bytes, seeded, written
from tests.fuzz.tally import Tally

ROUND = 50
DEADLINE_SECONDS = 1.0
SLOWEST_SECONDS = 5.0  # of CPU: a busy machine changes no verdict
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{"data":{"status":"RUNNING"}}'
LONG = b'{"data":{"status":"RUNNING"}}' + b" " * 20_000_000
BOMBS = tuple(
    b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (encoding, len(body), body)
    for encoding, body in ((b"gzip", gzip.compress(LONG, 1)), (b"identity", LONG))
)
FRAMINGS = (
    *[b"Content-Length: %d\r\n", b"Content-Length: %d\r\nContent-Length: 7\r\n", b"Content-Length: 9%d\r\n"],
    *[b"", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: klingon\r\n"],
)
TRAPS = (
    *[b"Content-Encoding: gzip\r\n", b"Content-Encoding: br\r\n", b"Retry-After: 99999999999\r\n", b"X: \xff\xfe\r\n"],
    *[b"Set-Cookie: =;;\r\n", b"Location: http://127.0.0.1:9/\r\n", b"X: a\r\n b\r\n", b"X" * 70_000 + b": y\r\n"],
    *[b": nameless\r\n", b"X:\x00\r\n", b"Connection: close, keep-alive\r\n", b"Content-Type: text/html\r\n"],
)


async def fuzz(inputs: int, seed: int, tally: Tally) -> None:
    rng, server = seeded(seed, tally.boundary), Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    with tracebacks() as tracebacks_seen:
        async with listening, Client(base_url=url, service_key=KEY, deadline_seconds=DEADLINE_SECONDS) as client:
            while tally.tried < inputs:
                async with a_reader(client) as reader:
                    attack = Attack(server, client, reader, tracebacks_seen, tally)
                    for _ in range(min(ROUND, inputs - tally.tried)):
                        await attack.answered(an_answer(rng), rng)
                    await attack.is_still_well()


@dataclass(slots=True)
class Server:
    """Answers every request with the same bytes and closes the connection."""

    raw: bytes = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.raw)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()


@dataclass(slots=True)
class Attack:
    server: Server
    client: Client
    reader: Reader
    tracebacks_seen: list[Trip]
    tally: Tally

    async def answered(self, raw: bytes, rng: Random) -> None:
        self.server.raw = raw
        attempt = rng.choice((self._read, self._read, self._status, self._page, self._pipeline))
        began = process_time()
        self.tally.count(accepted=await self._accepted(attempt))
        if process_time() - began > SLOWEST_SECONDS:
            self.tally.broken("it takes long", raw)
        self._blame(raw)

    async def is_still_well(self) -> None:
        """Rejects a decompression bomb, accepts a good answer, and keeps all earlier readings."""
        try:
            for bomb in BOMBS:
                self.server.raw = bomb
                assert not await self.reader.read(), "a bomb was read to its end"
            self.server.raw = GOOD
            assert await self.reader.read(), "a good answer is not read"
            await self.reader.check()
        except AssertionError as exc:
            self.tally.broken(f"afterwards: {exc}"[:200], "the round's answers together")
        self._blame(self.server.raw)

    async def _accepted(self, ask: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return await ask()
        except ApiError as error:
            try:
                check_words(str(error))
            except AssertionError as exc:
                self.tally.broken(str(exc), self.server.raw)
        except Exception as exc:  # noqa: BLE001  what it is is what is looked for
            self.tally.broken(f"{type(exc).__name__}: {exc}"[:200], self.server.raw)
        return False

    async def _read(self) -> bool:
        return await self.reader.read()

    async def _status(self) -> bool:
        check_value(await self.client.status(ORDERS))
        return True

    async def _page(self) -> bool:
        check_value(await self.client.page(1))
        return True

    async def _pipeline(self) -> bool:
        check_value(await self.client.pipeline(ORDERS))
        return True

    def _blame(self, raw: bytes) -> None:
        for trip in self.tracebacks_seen:
            self.tally.broken(f"a traceback: {trip.where}", (raw, trip.log_text))
        self.tracebacks_seen.clear()


def a_status(rng: Random) -> object:
    phase = rng.choice((*Phase, "ROLLING_BACK", mangled(rng, "RUNNING"), rng.choice(NASTY)))
    ready = rng.choice((None, 0, 1, 2))
    return {"status": phase, "replicas": 2, "ready": ready, "uid": rng.choice(("a", "b")), "start_time": None}


def an_answer(rng: Random) -> bytes:
    envelope: object = {"data": a_status(rng) if rng.random() < 0.5 else rng.choice(PAYLOADS), "error": False}
    body = (written(rng, bent(rng, envelope)) if rng.random() < 0.3 else json.dumps(envelope)).encode(errors="replace")
    trap = rng.choice(TRAPS) if rng.random() < 0.5 else b""
    if b"gzip" in trap:
        body = gzip.compress(body, 1)
    framing = rng.choice(FRAMINGS) if rng.random() < 0.5 else FRAMINGS[0]
    if b"chunked" in framing and rng.random() < 0.6:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    line = rng.choice((b"HTTP/1.1 200 OK\r\n",) * 6 + (b"HTTP/1.0 204\r\n", b"HTTP/1.1 429 No\r\n", b"HTTP/9 xx\r\n"))
    head = line + (framing % len(body) if b"%d" in framing else framing) + trap
    if rng.random() < 0.2:
        head = mangled_bytes(rng, head)
    return head + b"\r\n" + (mangled_bytes(rng, body[:100_000]) if rng.random() < 0.2 else body)
