"""`status failed`: what nobody has comes first, the oldest on top, each with the time since when it has failed."""

import redis.asyncio

from bot.slack.mrkdwn import NO_BREAK
from tests.contract.office import ANN, office
from tests.service.test_poller import FAILED, pipelines


async def test_open_failures_come_before_acknowledged_ones_and_say_since_when(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis, *pipelines(4)) as it:
        await it.bot.watch("orders-*")
        await it.bot.poll(20)
        for number in (1, 3, 2):
            it.bot.api.statuses[pipelines(4)[number - 1].id] = FAILED
            await it.bot.poll(20)
        await it.type("ack orders-1", ANN)
        await it.type("mute orders-2 for 2h because deploy")
        for question in ("status failed", "status", "list failed"):
            lines = (await it.type(question)).replace(NO_BREAK, " ").splitlines()
            rows = [line for line in lines if " — FAILED" in line]
            assert [row.split(" — ")[0] for row in rows] == ["orders-3", "orders-2", "orders-1"], question
            assert all(" · since <!date^" in row for row in rows)
            assert [" · muted by ann until <!date^" in row and ": deploy · " in row for row in rows] == [
                False,
                True,
                False,
            ]
            assert [" · acknowledged by ann · " in row for row in rows] == [False, False, True]
