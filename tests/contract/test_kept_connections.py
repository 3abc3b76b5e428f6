"""Calls to Slack that follow each other use one connection, as long as it is certainly open."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.slack.feature import Reply
from bot.slack.inbound.respond import respond_to
from bot.slack.outbound.calls import SlackClient, call, kept_connections, web_client
from bot.slack.outbound.channel_ids import ChannelIds
from bot.slack.render.blocks import section


@dataclass
class Server:
    url: str = ""
    cookies: list[str | None] = field(default_factory=list)
    """Of each call."""
    connections: set[int] = field(default_factory=set)
    closes: bool = False
    """Closes the connection after each answer."""

    async def answer(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername")[1])
        self.cookies.append(request.headers.get("Cookie"))
        response = web.json_response({"ok": True})
        response.set_cookie("b", "tracked")
        if self.closes:
            response.force_close()
        return response


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    serving, app = Server(), web.Application()
    app.router.add_post("/{method:.*}", serving.answer)
    async with TestServer(app) as running:
        serving.url = str(running.make_url("/"))
        yield serving


@pytest.fixture
def client(server: Server) -> SlackClient:
    return web_client("xoxb-1", server.url)


async def test_calls_and_answers_share_a_connection_and_no_cookies(server: Server, client: SlackClient) -> None:
    async with kept_connections(client):
        for _ in range(3):
            assert (await call(client, "chat.postMessage", channel="C1", text="hello")).ok
        await respond_to(f"{server.url}respond", ChannelIds(), session=client.session)(Reply(blocks=[section("hi")]))
    assert len(server.connections) == 1
    assert server.cookies == [None] * 4


async def test_a_closed_connection_gets_no_call(server: Server, client: SlackClient) -> None:
    server.closes = True
    async with kept_connections(client):
        for _ in range(3):
            assert (await call(client, "chat.postMessage", channel="C1", text="hello")).ok
    assert len(server.connections) == 3


async def test_a_call_outside_gets_a_connection_of_its_own(server: Server, client: SlackClient) -> None:
    for _ in range(2):
        assert (await call(client, "chat.postMessage", channel="C1", text="hello")).ok
    assert len(server.connections) == 2
    assert server.cookies == [None] * 2
