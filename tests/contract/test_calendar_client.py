"""Downloads of calendars over real sockets and TLS: 404, web pages, 10 MB, nothing, redirects, silence."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.calendars.client import CalendarClient
from bot.domain.calendar import CalendarAddress, CalendarProblem, CalendarUnreadable
from tests.contract.calendars import CalendarServer, calendar_server, calendar_text
from tests.contract.probing import self_signed

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
GOOD = calendar_text("DTSTART:20261101T100000Z\nDTEND:20261101T110000Z")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def server(certificate: Path) -> AsyncIterator[CalendarServer]:
    async with calendar_server(certificate) as running:
        yield running


@pytest.fixture
def client(certificate: Path) -> CalendarClient:
    return CalendarClient(trusted=ssl.create_default_context(cafile=certificate))


async def problem(client: CalendarClient, url: str) -> CalendarProblem:
    with pytest.raises(CalendarUnreadable) as caught:
        await client.download(CalendarAddress(url))
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert all("hunter2" not in f"{link!s}{link!r}" for link in chain)
    assert chain[1:] == [None, None]
    return caught.value.problem


async def test_a_calendar_is_downloaded(server: CalendarServer, client: CalendarClient) -> None:
    server.serves(GOOD)
    assert await client.download(CalendarAddress(server.url())) == GOOD.strip()


async def test_a_byte_order_mark_and_another_content_type_do_no_harm(
    server: CalendarServer, client: CalendarClient
) -> None:
    server.serves(b"\xef\xbb\xbf\r\n" + GOOD, content_type="application/octet-stream")
    assert await client.download(CalendarAddress(server.url())) == GOOD.strip()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, b"not here", CalendarProblem.NOT_FOUND),
        (410, b"", CalendarProblem.NOT_FOUND),
        (401, b"", CalendarProblem.REFUSED),
        (403, b"", CalendarProblem.REFUSED),
        (500, GOOD, CalendarProblem.BAD_STATUS),
        (429, b"", CalendarProblem.BAD_STATUS),
        (304, b"", CalendarProblem.BAD_STATUS),
        (302, b"", CalendarProblem.BAD_STATUS),
        (200, b"<!DOCTYPE html><html><title>Sign in</title></html>", CalendarProblem.NO_CALENDAR),
        (200, b'{"error": "no"}', CalendarProblem.NO_CALENDAR),
        (200, b"", CalendarProblem.EMPTY),
        (200, b" \r\n ", CalendarProblem.EMPTY),
        (200, GOOD.replace(b"END:VCALENDAR", b""), CalendarProblem.BROKEN),
        (200, GOOD + b"X" * 10_000_000, CalendarProblem.TOO_LONG),
    ],
)
async def test_an_answer_that_is_no_calendar(
    server: CalendarServer, client: CalendarClient, status: int, body: bytes, expected: CalendarProblem
) -> None:
    server.serves(body, status=status)
    assert await problem(client, server.url()) is expected


async def test_an_endless_answer_is_too_long(server: CalendarServer, client: CalendarClient) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(GOOD)
        while True:
            await response.write(b"X" * 65536)

    server.handler = endless
    assert await problem(client, server.url()) is CalendarProblem.TOO_LONG


async def test_compression_that_nobody_asked_for_is_not_unpacked(
    server: CalendarServer, client: CalendarClient
) -> None:
    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    server.handler = packed
    assert await problem(client, server.url()) is CalendarProblem.NO_CALENDAR


async def test_a_server_that_says_nothing_is_too_slow(server: CalendarServer, certificate: Path) -> None:
    over = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    server.handler = silent
    hurried = CalendarClient(trusted=ssl.create_default_context(cafile=certificate), seconds=0.2)
    assert await problem(hurried, server.url()) is CalendarProblem.TOO_SLOW
    over.set()


async def test_a_redirect_is_followed(server: CalendarServer, client: CalendarClient) -> None:
    async def moved(request: web.Request) -> web.Response:
        if request.path == "/calendar":
            return web.Response(body=GOOD)
        return web.Response(status=301, headers={"Location": "/calendar"})

    server.handler = moved
    assert await client.download(CalendarAddress(server.url())) == GOOD.strip()
    assert server.paths == ["/private-hunter2.ics", "/calendar"]


@pytest.mark.parametrize("target", ["https://[::1", "https://localhost:99999/", "https://\u00ad/", "https://"])
async def test_a_redirect_to_no_address_is_a_problem(
    server: CalendarServer, client: CalendarClient, target: str
) -> None:
    server.redirects(target)
    found = await problem(client, server.url())
    assert found in {CalendarProblem.NO_CONNECTION, CalendarProblem.INSECURE_REDIRECT, CalendarProblem.REDIRECTS}


@pytest.mark.parametrize("target", ["http://localhost/private-hunter2", "ftp://localhost/", "file:///private-hunter2"])
async def test_a_redirect_to_anything_but_https_is_refused(
    server: CalendarServer, client: CalendarClient, target: str
) -> None:
    server.redirects(target)
    assert await problem(client, server.url()) is CalendarProblem.INSECURE_REDIRECT


async def test_a_circle_of_redirects_ends(server: CalendarServer, client: CalendarClient) -> None:
    server.redirects("/private-hunter2.ics")
    assert await problem(client, server.url()) is CalendarProblem.REDIRECTS
    assert len(server.paths) == 6


async def test_an_unknown_certificate_and_a_closed_port(server: CalendarServer, certificate: Path) -> None:
    assert await problem(CalendarClient(), server.url()) is CalendarProblem.NO_CONNECTION
    trusting = CalendarClient(trusted=ssl.create_default_context(cafile=certificate))
    assert await problem(trusting, "https://localhost:1/private-hunter2") is CalendarProblem.NO_CONNECTION


async def test_the_address_of_a_proxy_that_is_not_valid(
    monkeypatch: pytest.MonkeyPatch, client: CalendarClient
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy")
    assert await problem(client, "https://calendar.example.com/private-hunter2") is CalendarProblem.NO_CONNECTION
