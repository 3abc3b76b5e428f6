"""The door for HTTP: what is nothing of Slack's is answered 4xx, soon, and leaves no traceback."""

import asyncio
import logging
from collections.abc import AsyncIterator
from time import monotonic

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp

from bot.http import server
from bot.http.connection_limit import ConnectionLimits
from bot.slack.inbound import http_mode
from bot.slack.outbound.calls import web_client
from tests.fuzz.http_requests import PATH, SECRET, signed
from tests.fuzz.slack_payloads import FORM, JSON

SOON_SECONDS = 0.3


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = AsyncApp(client=web_client("xoxb-x", "http://127.0.0.1:9/api/"), signing_secret=SECRET)
    async with http_mode.http(app, 0, limits=ConnectionLimits(body=SOON_SECONDS)) as port:
        yield port


async def answered(port: int, body: bytes, headers: dict[str, str]) -> int:
    url = f"http://127.0.0.1:{port}{PATH}"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        return response.status


async def down_a_wire(port: int, raw: bytes, *, hang_up: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    if hang_up:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Slack-Request-Timestamp": "9" * 400, "X-Slack-Signature": "v0=" + "0" * 64}, 401),
        ({"X-Slack-Request-Timestamp": "1795602018", "X-Slack-Signature": "é"}, 401),
        ({"X-Slack-Request-Timestamp": "1795602018", "X-Slack-Signature": "v0=" + "0" * 64}, 401),
        ({}, 401),
        ({"Content-Encoding": "gzip"}, 400),
    ],
)
async def test_the_unsigned_is_refused(
    port: int, headers: dict[str, str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert await answered(port, b"a=b", {"Content-Type": FORM, **headers}) == status
    assert not caplog.records


@pytest.mark.parametrize("body", [b"[]", b"\xff", b"{", b'{"a":' * 50_000, b'{"type":"event_callback","event":1}'])
async def test_a_signed_unreadable_request_is_refused(port: int, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert await answered(port, body, {"Content-Type": JSON, **signed(body)}) == 400
    assert not caplog.records


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"POST /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
    ],
)
async def test_bytes_that_are_not_http_are_refused_without_a_log_line(
    port: int, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await down_a_wire(port, raw)
    assert answer.split(b" ", 2)[1] == b"400"
    assert not caplog.records


async def test_a_body_that_does_not_come_is_not_waited_for(port: int, caplog: pytest.LogCaptureFixture) -> None:
    began = monotonic()
    answer = await down_a_wire(port, b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert monotonic() - began < SOON_SECONDS + 20
    assert not caplog.records


async def test_a_client_that_disconnects_is_not_logged(port: int, caplog: pytest.LogCaptureFixture) -> None:
    raw = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"
    answers = await asyncio.gather(*(down_a_wire(port, raw, hang_up=True) for _ in range(50)))
    assert not [answer for answer in answers if b" 500 " in answer]
    assert await answered(port, b"a=b", {"Content-Type": FORM}) == 401
    assert not caplog.records


async def test_a_body_that_does_not_come_does_not_hold_up_the_end() -> None:
    app = AsyncApp(client=web_client("xoxb-x", "http://127.0.0.1:9/api/"), signing_secret=SECRET)
    async with http_mode.http(app, 0, limits=ConnectionLimits(body=60)) as port:
        raw = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"  # so it is waited for
        began = monotonic()
    assert monotonic() - began < server.REQUESTS_STOP_SECONDS + 20
    writer.close()


async def test_a_fault_of_our_own_still_leaves_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Bolt asks Slack who it is, and there is no Slack."""
    app = AsyncApp(client=web_client("xoxb-x", "http://127.0.0.1:9/api/"), signing_secret=SECRET)

    @app.error
    async def again(error: Exception) -> None:
        raise error

    async with http_mode.http(app, 0) as port:
        with caplog.at_level(logging.ERROR):
            assert await answered(port, b"a=b", {"Content-Type": FORM, **signed(b"a=b")}) == 500
    assert any(record.exc_info for record in caplog.records)
