"""Calls to Slack and GoldRush through a proxy, and past it: over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.domain.observation import PipelineId
from bot.goldrush.client import Client
from bot.ports.pipeline_api import ApiError
from bot.slack.feature import Reply
from bot.slack.inbound.respond import respond_to
from bot.slack.outbound.calls import Lost, call, web_client
from bot.slack.outbound.channel_ids import ChannelIds
from bot.slack.render.blocks import section

NOWHERE = "http://slack.invalid"  # only a proxy knows a way there


@dataclass
class Proxy:
    """Answers by itself whatever it is asked to forward."""

    port: int = 0
    urls: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.urls.append(str(request.url))
        return web.json_response({"ok": True})


@asynccontextmanager
async def proxied(monkeypatch: pytest.MonkeyPatch, **others: str) -> AsyncIterator[Proxy]:
    proxy = Proxy()
    server = web.Application()
    server.router.add_route("*", "/{any:.*}", proxy.answer)
    runner = web.AppRunner(server)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        proxy.port = runner.addresses[0][1]
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)
        for name, value in {"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}", **others}.items():
            monkeypatch.setenv(name, value)
        yield proxy
    finally:
        await runner.cleanup()


async def test_slack_is_called_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxied(monkeypatch) as proxy:
        answer = await call(web_client("xoxb-1", f"{NOWHERE}/api/"), "auth.test")
        await respond_to(f"{NOWHERE}/respond/1", ChannelIds())(Reply(blocks=[section("hello")]))
    assert answer.ok
    assert proxy.urls == [f"{NOWHERE}/api/auth.test", f"{NOWHERE}/respond/1"]


@pytest.mark.parametrize("exception", ["slack.invalid", ".invalid", "*", "fd00::/8,slack.invalid"])
async def test_an_exception_holds_for_slack(monkeypatch: pytest.MonkeyPatch, exception: str) -> None:
    async with proxied(monkeypatch, NO_PROXY=exception) as proxy:
        answer = await call(web_client("xoxb-1", f"{NOWHERE}/api/"), "auth.test")
        await respond_to(f"{NOWHERE}/respond/1", ChannelIds())(Reply(blocks=[section("hello")]))
    assert answer.lost is Lost.NEVER_SENT
    assert proxy.urls == []


async def test_goldrush_is_read_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        proxied(monkeypatch, NO_PROXY="fd00::/8,10.0.0.0/99,::1/128") as proxy,
        Client(base_url=NOWHERE, service_key=SecretStr("k")) as client,
    ):
        with pytest.raises(ApiError):
            await client.status(PipelineId("pipe_1"))
    assert [url.partition("/platform")[0] for url in proxy.urls] == [NOWHERE]


async def test_an_invalid_proxy_fails_when_the_client_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxied(monkeypatch, HTTP_PROXY="socks5://hush:1"):
        with pytest.raises(ValueError, match="HTTP_PROXY is not valid"):
            web_client("xoxb-1", f"{NOWHERE}/api/")
        with pytest.raises(ValueError, match="HTTP_PROXY is not valid"):
            Client(base_url=NOWHERE, service_key=SecretStr("k"))


async def test_unreadable_certificates_fail_when_the_client_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(ValueError, match="SSL_CERT_FILE is not valid"):
        Client(base_url="https://goldrush.invalid", service_key=SecretStr("k"))
