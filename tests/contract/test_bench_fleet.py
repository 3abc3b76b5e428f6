"""The bench's fake GoldRush, over sockets: the bot's client reads it, and its log of reads is right."""

import httpx
from pydantic import SecretStr

from bench.fleet import fleet
from bot.domain.phase import Phase
from bot.goldrush.client import Client


async def test_the_fake_goldrush_serves_what_the_bots_client_reads() -> None:
    async with fleet(3) as served, bot_client(served.url) as client:
        page = await client.page(1)
        assert [pipeline.name for pipeline in page.pipelines] == [served.name(number) for number in range(3)]
        assert not page.more
        assert (await client.status(page.pipelines[0].id)).phase == Phase.RUNNING
        failed_at = await served.set_phase([0], "FAILED")
        assert (await client.status(page.pipelines[0].id)).phase == Phase.FAILED
        report = await served.report()
        assert (report.reads, report.pipelines_read, report.listings) == (2, 1, 1)
        changed_at, noticed_at = report.noticed[0]
        assert changed_at <= failed_at <= noticed_at
        assert report.largest_gap >= report.seconds - 0.001  # nobody read the other two


async def test_the_fake_goldrush_refuses_readers_without_a_key() -> None:
    async with fleet(1) as served, httpx.AsyncClient() as http:
        assert (await http.get(served.status_url(0))).status_code == 401


def bot_client(url: str) -> Client:
    return Client(base_url=url, service_key=SecretStr("key"))
