"""The pings of the outside watchdog, to a local server."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.check.finding import Verdict
from bot.check.watchdog import watchdog_finding
from bot.outside_watchdog import HttpWatchdog


class Pinged:
    """Counts pings by path and query. `/slow` never answers."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.paths.append(request.path_qs)
        match request.path:
            case "/slow":
                await asyncio.Event().wait()
            case "/away":
                raise web.HTTPFound("/secret")
            case "/gone":
                raise web.HTTPNotFound
        return web.Response(text="OK")


@pytest.fixture
async def server() -> AsyncIterator[Pinged]:
    pinged, app = Pinged(), web.Application()
    app.router.add_get("/{path:.*}", pinged.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pinged.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield pinged
    await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "problem"),
    [("/secret?status=up", None), ("/gone", "HTTP 404"), ("/away", "HTTP 302")],
)
async def test_a_ping_reports_the_problem_without_the_address(server: Pinged, path: str, problem: str | None) -> None:
    assert await HttpWatchdog(SecretStr(server.url + path)).ping() == problem
    assert server.paths == [path]


async def test_silence_is_no_sign_of_life(server: Pinged) -> None:
    assert await HttpWatchdog(SecretStr(f"{server.url}/slow"), seconds=0.2).ping() == "no answer within 0 s"


async def test_a_closed_port_is_no_connection() -> None:
    assert await HttpWatchdog(SecretStr("http://127.0.0.1:9/secret")).ping() == "no connection (ConnectError)"


async def test_a_proxy_that_is_not_valid_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://secret")
    assert await HttpWatchdog(SecretStr("https://watchdog.example/secret")).ping() == "no connection (ProxyError)"


async def test_check_pings_only_if_it_may(server: Pinged) -> None:
    url = SecretStr(f"{server.url}/secret")
    assert (await watchdog_finding(url, ping=False)).verdict is Verdict.GOOD
    assert server.paths == []
    assert (await watchdog_finding(url, ping=True)).detail == "took a ping"
    broken = await watchdog_finding(SecretStr(f"{server.url}/gone"), ping=True)
    assert (broken.verdict, broken.detail) == (Verdict.BAD, "HTTP 404")
