"""The sandbox refuses other host names on every path: no DNS rebinding, no other sites' pages."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sandbox.own_hosts import own_names
from sandbox.server import Sandbox

OUTSIDE = "devbox.example:8443"
PATHS = [
    "GET /",
    "GET /static/app.js",
    "GET /sandbox/state",
    "GET /sandbox/live",
    "POST /sandbox/command",
    "DELETE /sandbox/faults",
    "POST /sandbox/request_url",
    "POST /api/auth.test",
    "GET /api/auth.test",
    "GET /link/xyz",
    "POST /response/xyz",
    "GET /platform/pipeline-api/",
    "GET /nothing",
]
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start(hosts=[OUTSIDE]) as sandbox:
        yield sandbox


def port_of(sandbox: Sandbox) -> int:
    return int(sandbox.url.rsplit(":", 1)[1])


async def status(sandbox: Sandbox, request: str, headers: str) -> int:
    """The status. 0 if the connection closed without an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(sandbox))
    writer.write(f"{request} HTTP/1.1\r\n{headers}Content-Length: 0\r\n\r\n".encode())
    async with asyncio.timeout(60):
        line = await reader.readline()
    writer.close()
    return int(line.split()[1]) if line else 0


@pytest.mark.parametrize("path", PATHS)
async def test_a_name_that_was_rebound_is_refused_on_every_path(sandbox: Sandbox, path: str) -> None:
    host = f"evil.example:{port_of(sandbox)}"
    same = f"Host: {host}\r\nOrigin: http://{host}\r\n"
    assert await status(sandbox, path, same) == 421
    assert await status(sandbox, path, same + UPGRADE) == 421


@pytest.mark.parametrize("path", PATHS)
async def test_another_sites_page_is_refused_on_every_path(sandbox: Sandbox, path: str) -> None:
    for origin in ("https://evil.example", "null", "http://localhost:1", sandbox.url.replace("http", "https")):
        headers = f"Host: 127.0.0.1:{port_of(sandbox)}\r\nOrigin: {origin}\r\n"
        assert await status(sandbox, path, headers) == 403
        assert await status(sandbox, path, headers + UPGRADE) == 403


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "localhost:1",
        "localhost.:{port}",
        "LOCALHOST:{port}",
        "user@localhost:{port}",
        "localhost:{port}@evil.example",
        "127.0.0.1.nip.io:{port}",
        "127.0.0.2:{port}",
        "0.0.0.0:{port}",
        "127.1:{port}",
        "2130706433:{port}",
        "[::ffff:127.0.0.1]:{port}",
        "localhost:{port}:{port}",
        "localhost:{port},evil.example",
        "localhost:{port}/",
        OUTSIDE.partition(":")[0],
    ],
)
async def test_a_host_that_is_not_exactly_its_own_is_refused(sandbox: Sandbox, host: str) -> None:
    line = f"Host: {host.format(port=port_of(sandbox))}\r\n"
    assert await status(sandbox, "GET /sandbox/state", line) in {400, 421}
    forwarded = f"{line}X-Forwarded-Host: 127.0.0.1:{port_of(sandbox)}\r\nForwarded: host=localhost\r\n"
    assert await status(sandbox, "GET /sandbox/state", forwarded) in {400, 421}


async def test_no_host_two_hosts_and_another_in_the_target_are_refused(sandbox: Sandbox) -> None:
    own = f"Host: 127.0.0.1:{port_of(sandbox)}\r\n"
    assert await status(sandbox, "GET /sandbox/state", "") in {400, 421}
    assert await status(sandbox, "GET /sandbox/state", own + "Host: evil.example\r\n") in {400, 421}
    assert await status(sandbox, "GET /sandbox/state", own + own) in {400, 421}
    assert await status(sandbox, f"GET {sandbox.url}/sandbox/state", own) in {400, 421}
    assert await status(sandbox, "GET http://evil.example/sandbox/state", own) in {400, 421}
    assert await status(sandbox, "OPTIONS *", own) in {400, 421}


async def test_its_own_names_are_answered(sandbox: Sandbox) -> None:
    for name in ("localhost", "127.0.0.1", "[::1]"):
        host = f"{name}:{port_of(sandbox)}"
        assert await status(sandbox, "GET /sandbox/state", f"Host: {host}\r\n") == 200
        assert await status(sandbox, "DELETE /sandbox/faults", f"Host: {host}\r\nOrigin: http://{host}\r\n") == 200
    for origin in ("http", "https"):
        headers = f"Host: {OUTSIDE}\r\nOrigin: {origin}://{OUTSIDE}\r\n"
        assert await status(sandbox, "DELETE /sandbox/faults", headers) == 200


def test_the_port_of_http_need_not_be_named() -> None:
    assert own_names(80) >= {"localhost", "localhost:80", "127.0.0.1"}
    assert "localhost" not in own_names(8080)
