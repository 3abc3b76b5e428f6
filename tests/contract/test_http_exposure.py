"""HTTP mode under attack, over real sockets: signed requests are still answered, and descriptors are left."""

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from structlog.testing import capture_logs

from bot.http import connection_limit
from bot.http.connection_limit import ConnectionLimits, Refusals, connection_cap
from bot.slack.inbound import http_mode
from bot.slack.outbound.calls import web_client
from tests.fuzz.http_requests import PATH, SECRET, signed
from tests.fuzz.slack_payloads import FORM

SOON = 0.2
LONG = 60.0
"""A deadline that never passes within a test."""
UNFINISHED = b"POST /slack/events HTTP/1.1\r\nHost: x\r\n"
CHALLENGE = b'{"type":"url_verification","challenge":"x"}'


@asynccontextmanager
async def served(limits: ConnectionLimits) -> AsyncIterator[int]:
    app = AsyncApp(client=web_client("xoxb-x", "http://127.0.0.1:9/api/"), signing_secret=SECRET)
    async with http_mode.http(app, 0, host="127.0.0.1", signing_secret=SECRET, limits=limits) as port:
        yield port


async def signed_status(port: int, session: aiohttp.ClientSession) -> int:
    headers = {"Content-Type": "application/json", **signed(CHALLENGE)}
    async with session.post(f"http://127.0.0.1:{port}{PATH}", data=CHALLENGE, headers=headers) as response:
        await response.read()
        return response.status


async def is_served(port: int) -> bool:
    async with aiohttp.ClientSession() as session:
        return await signed_status(port, session) == 200


def raw_signed() -> bytes:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(CHALLENGE)), **signed(CHALLENGE)}
    return (
        UNFINISHED + "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n" + CHALLENGE
    )


async def closed(reader: asyncio.StreamReader) -> bytes:
    """What came before the server closed the connection."""
    async with asyncio.timeout(60):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("first", [b"", b"P", UNFINISHED, b"\x16\x03\x01"])
async def test_a_head_that_never_ends_closes_the_connection(first: bytes) -> None:
    async with served(ConnectionLimits(head=SOON)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        await closed(reader)
        assert await is_served(port)
        writer.close()


async def test_a_head_that_drips_gets_no_extra_time() -> None:
    async with served(ConnectionLimits(head=SOON)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def drip() -> None:
            writer.write(UNFINISHED)
            while not reader.at_eof():
                writer.write(b"X: y\r\n")
                await asyncio.sleep(SOON / 10)

        dripping = asyncio.create_task(drip())
        await closed(reader)
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.close()


async def test_a_body_that_drips_gets_no_extra_time() -> None:
    async with served(ConnectionLimits(body=SOON)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UNFINISHED + b"Content-Length: 99999\r\n\r\n")

        async def drip() -> None:
            while not reader.at_eof():
                writer.write(b"x")
                await asyncio.sleep(SOON / 10)

        dripping = asyncio.create_task(drip())
        await closed(reader)
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.close()


async def test_1100_unfinished_heads_hold_no_more_than_the_cap() -> None:
    async with served(ConnectionLimits(connections=20, head=LONG)) as port:
        attackers = []
        for _ in range(11):  # a hundred at a time: this process holds their other ends as well
            batch = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(100)))
            for _, writer in batch:
                writer.write(UNFINISHED)
            assert await is_served(port)
            for _, writer in batch[:90]:
                writer.close()
            attackers += batch[90:]
        await asyncio.gather(*(closed(reader) for reader, _ in attackers[:-20]))
        for _, writer in attackers:
            writer.close()


async def test_at_the_cap_the_oldest_untrusted_connection_is_dropped_and_slacks_stays() -> None:
    async with served(ConnectionLimits(connections=3, head=LONG)) as port, aiohttp.ClientSession() as slack:
        assert await signed_status(port, slack) == 200
        first, second, third = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        await closed(first[0])
        assert not second[0].at_eof()
        assert not third[0].at_eof()
        assert slack.connector is not None
        assert len(slack.connector._conns) == 1  # still open; aiohttp shows its pool in no other way
        assert await signed_status(port, slack) == 200
        for _, writer in (first, second, third):
            writer.close()


async def test_a_new_connection_is_refused_when_all_are_trusted() -> None:
    async with (
        served(ConnectionLimits(connections=2, head=LONG)) as port,
        aiohttp.ClientSession() as one,
        aiohttp.ClientSession() as two,
    ):
        assert [await signed_status(port, session) for session in (one, two)] == [200, 200]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UNFINISHED)
        assert await closed(reader) == b""
        assert [await signed_status(port, session) for session in (one, two)] == [200, 200]
        writer.close()


async def test_an_idle_connection_of_slacks_outlives_the_deadline_of_the_head() -> None:
    async with served(ConnectionLimits(head=SOON, idle=LONG)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw_signed())
        assert b" 200 " in await reader.readline()
        await reader.readuntil(b"\r\n\r\n")
        other, never = await asyncio.open_connection("127.0.0.1", port)
        await closed(other)  # the deadline has passed since
        writer.write(raw_signed())
        async with asyncio.timeout(60):
            while b" 200 " not in await reader.readline():
                pass
        never.close()
        writer.close()


async def test_a_trusted_connections_deadline_starts_with_its_next_head() -> None:
    async with served(ConnectionLimits(head=SOON, idle=LONG)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw_signed())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(UNFINISHED)
        await closed(reader)
        writer.close()


@pytest.mark.parametrize(
    "raw",
    [
        UNFINISHED + b"Content-Length: 1\r\n\r\nx" + b"POST / HTTP/1.1\r\n\r\n" * 50,
        b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
        b"\x16\x03\x01\x02\x00\x01\x00" * 20 + b"\r\n\r\n",
        b"CONNECT evil:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        UNFINISHED + b"Content-Length: 9999999\r\n\r\n" + b"x" * 600_000,
    ],
)
async def test_an_unsigned_connection_is_closed_after_its_first_answer(raw: bytes) -> None:
    async with served(ConnectionLimits(head=LONG, body=LONG)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        answer = await closed(reader)
        assert answer.count(b"HTTP/1.1 ") <= 1
        writer.close()


async def test_a_replayed_probe_of_the_certificate_earns_no_trust() -> None:
    async with served(ConnectionLimits(connections=2, head=LONG)) as port:
        for body in (b"ssl_check=1&token=x", b"token=x&ssl_check=1"):
            headers = {"Content-Type": FORM, **signed(b"something else")}
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"http://127.0.0.1:{port}{PATH}", data=body, headers=headers) as response,
            ):
                assert response.status == 200
                assert response.headers["Connection"] == "close"


async def test_a_flood_is_logged_in_two_lines() -> None:
    with capture_logs() as logs:
        async with served(ConnectionLimits(head=LONG)) as port, aiohttp.ClientSession() as session:
            for _ in range(100):
                async with session.post(f"http://127.0.0.1:{port}{PATH}", data=b"a=b") as response:
                    assert response.status == 401
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"no http\r\n\r\n")
            writer.close()
    records = [record for record in logs if record["event"] == "http_refused"]
    assert records == [{"event": "http_refused", "log_level": "warning", "server": "slack", "not_signed": 1}]


async def test_later_refusals_are_counted_together() -> None:
    with capture_logs() as logs:
        refusals = Refusals("slack", log_every_seconds=0.01)
        for _ in range(1000):
            refusals.count("head_late")
        refusals.count("no_room")
        async with asyncio.timeout(60):
            while len(logs) < 2:
                await asyncio.sleep(0.005)
        refusals.close()
    assert [record["head_late"] for record in logs] == [1, 999]
    assert logs[1]["no_room"] == 1


async def test_the_server_survives_that_descriptors_run_out() -> None:
    """libuv accepts such connections with a descriptor that it keeps in reserve, and closes them."""
    async with served(ConnectionLimits()) as port:
        refused = socket.socket()
        refused.setblocking(False)
        refused.connect_ex(("127.0.0.1", port))
        with no_descriptors_left():
            assert await asyncio.get_running_loop().sock_recv(refused, 1) == b""
        refused.close()
        assert await is_served(port)


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_cap_leaves_descriptors_for_outgoing_calls() -> None:
    for soft, cap in ((1024, 200), (400, 170), (300, 70), (64, connection_limit.FEWEST_CONNECTIONS)):
        assert connection_cap(200, outgoing=30, soft_limit=soft) == cap
