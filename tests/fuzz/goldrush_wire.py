"""GoldRush's answers as bytes on a connection, read by the bot's own client: headers, lengths, chunks, gzip, ends."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from random import Random
from time import monotonic

from bot.goldrush.client import Client
from bot.ports import ApiError
from tests.builders import ORDERS
from tests.fuzz.bot_under_fire import tracebacks
from tests.fuzz.goldrush_bodies import KEY, PAYLOADS, check_value, check_words
from tests.fuzz.mangle import bent, mangled_bytes, seeded, written
from tests.fuzz.tally import Tally

DEADLINE_SECONDS = 1.0
SLOWEST_SECONDS = 3 * DEADLINE_SECONDS  # a wait for a slot, an answer, and the machine
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{"data":{"status":"RUNNING"}}'
FRAMINGS = (
    *[b"Content-Length: %d\r\n", b"Content-Length: %d\r\nContent-Length: 7\r\n", b"Content-Length: 9%d\r\n"],
    *[b"", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: klingon\r\n"],
)
TRAPS = (
    *[b"Content-Encoding: gzip\r\n", b"Content-Encoding: br\r\n", b"Retry-After: 99999999999\r\n", b"X: \xff\xfe\r\n"],
    *[b"Set-Cookie: =;;\r\n", b"Location: http://127.0.0.1:9/\r\n", b"X: a\r\n b\r\n", b"X" * 70_000 + b": y\r\n"],
    *[b": nameless\r\n", b"X:\x00\r\n", b"Connection: close, keep-alive\r\n", b"Content-Type: text/html\r\n", b"", b""],
)


async def fuzz(inputs: int, seed: int, tally: Tally) -> None:
    rng, answers = seeded(seed, tally.boundary), asyncio.Queue[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers.get_nowait())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with tracebacks() as tripped:
        async with server, Client(base_url=url, service_key=KEY, deadline_seconds=DEADLINE_SECONDS) as client:
            asked = (lambda: client.status(ORDERS), lambda: client.page(1), lambda: client.pipeline(ORDERS))
            for number in range(inputs):
                raw = an_answer(rng)
                answers.put_nowait(raw)
                tally.count(accepted=await _accepted(rng.choice(asked), raw, tally))
                for trip in tripped:
                    tally.broken(f"a traceback: {trip.where}", (raw, trip.said))
                tripped.clear()
                if number % 50 == 0:
                    answers.put_nowait(GOOD)
                    await client.status(ORDERS)


async def _accepted(ask: Callable[[], Awaitable[object]], raw: bytes, tally: Tally) -> bool:
    began = monotonic()
    try:
        check_value(await ask())
    except ApiError as error:
        try:
            check_words(str(error))
        except AssertionError as exc:
            tally.broken(str(exc), raw)
        return False
    except Exception as exc:  # noqa: BLE001  what it is is what is looked for
        tally.broken(f"{type(exc).__name__}: {exc}"[:200], raw)
        return False
    finally:
        if monotonic() - began > SLOWEST_SECONDS:
            tally.broken("it takes long", raw)
    return True


def an_answer(rng: Random) -> bytes:
    envelope: object = {"data": rng.choice(PAYLOADS), "error": False}
    body = (written(rng, bent(rng, envelope)) if rng.random() < 0.3 else json.dumps(envelope)).encode(errors="replace")
    trap = rng.choice(TRAPS)
    if b"gzip" in trap:
        body = gzip.compress(body if rng.random() < 0.9 else b" " * 20_000_000, 1)
    framing = rng.choice(FRAMINGS) if rng.random() < 0.5 else FRAMINGS[0]
    if b"chunked" in framing and rng.random() < 0.6:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    line = rng.choice((b"HTTP/1.1 200 OK\r\n",) * 6 + (b"HTTP/1.0 204\r\n", b"HTTP/1.1 429 No\r\n", b"HTTP/9 xx\r\n"))
    head = line + (framing % len(body) if b"%d" in framing else framing) + trap
    if rng.random() < 0.2:
        head = mangled_bytes(rng, head)
    return head + b"\r\n" + (mangled_bytes(rng, body[:100_000]) if rng.random() < 0.2 else body)
