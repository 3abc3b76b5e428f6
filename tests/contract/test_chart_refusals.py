"""An answer to a `response_url` that Slack refuses for its chart is sent again without it, and only then."""

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.slack.feature import Reply
from bot.slack.inbound.respond import Charts, respond_to
from bot.slack.outbound.channel_ids import ChannelIds
from bot.slack.render.blocks import section
from bot.slack.render.charts import percent_bars

REPLY = Reply(blocks=[section("hello"), percent_bars("Live", "live", [("9 Nov", 50.0)])])


async def sent(reply: Reply, error: str, charts: Charts, times: int = 1) -> list[list[str]]:
    """The block types of each request, to a Slack that refuses charts with this error."""
    requests: list[list[str]] = []

    async def answer(request: web.Request) -> web.Response:
        blocks = json.loads(await request.text())["blocks"]
        requests.append([block["type"] for block in blocks])
        refused = error and "data_visualization" in requests[-1]
        return web.Response(status=400 if refused else 200, text=error if refused else "ok")

    app = web.Application()
    app.router.add_post("/", answer)
    async with TestServer(app) as server:
        for _ in range(times):
            await respond_to(str(server.make_url("/")), ChannelIds(), charts=charts)(reply)
    return requests


async def test_a_refused_chart_becomes_text_for_this_and_all_later_answers() -> None:
    requests = await sent(REPLY, "invalid_blocks", Charts(), times=2)
    assert requests == [["section", "data_visualization"], ["section", "section"], ["section", "section"]]


@pytest.mark.parametrize("error", ["", "expired_url"])
async def test_any_other_answer_is_sent_once(error: str) -> None:
    assert await sent(REPLY, error, Charts()) == [["section", "data_visualization"]]


async def test_refused_blocks_without_a_chart_are_not_sent_again() -> None:
    charts = Charts()
    reply = Reply(blocks=[section("hello")])
    assert await sent(reply, "invalid_blocks", charts) == [["section"]]
    assert not charts.refused
