"""Several bots read GoldRush, but one judges it for all channels."""

import redis.asyncio

from bot.domain.watch import API_PIPELINE_ID
from bot.monitoring.outage import UNREADABLE
from bot.ports.pipeline_api import Unavailable
from tests.fakes import FakeApi, FakeClock
from tests.service.test_poller import LIVE, ONE, pipelines, running


async def test_only_the_leader_judges_goldrush_for_all_channels(fake_redis: redis.asyncio.Redis) -> None:
    clock, known, away = FakeClock(), pipelines(4), Unavailable("GoldRush didn't answer within 5 s.")
    async with running(fake_redis, *known, clock=clock) as one:
        await one.watch("orders-*")
        await one.catalogue.refresh()
        await one.poll(30)
        others = FakeApi(*known)
        others.statuses |= dict.fromkeys(others.statuses, away)
        async with running(fake_redis, clock=clock, api=others) as two:
            for _ in range(5):
                for pipeline in known:
                    assert await two.scheduler.read_now(pipeline.id) == str(away)
                await clock.pass_time(5)
            assert await two.cards() == []
            assert two.reads.outage is None
            one.api.statuses |= dict.fromkeys(one.api.statuses, away)
            await one.poll(60)
            assert await one.cards() == ["GoldRush API blind"]
            await two.repository.catch_up()
            others.statuses |= dict.fromkeys(others.statuses, LIVE)
            assert await two.scheduler.read_now(ONE) is None
            assert two.reads.outage == UNREADABLE
            outage = two.repository.record(API_PIPELINE_ID).episode
            assert outage is not None
            assert outage.open


async def test_a_new_leader_ends_an_outage_only_after_a_read_succeeded(fake_redis: redis.asyncio.Redis) -> None:
    clock, known = FakeClock(), pipelines(4)
    api = FakeApi(*known)
    async with running(fake_redis, clock=clock, api=api) as one:
        await one.watch("orders-*")
        await one.catalogue.refresh()
        async with running(fake_redis, clock=clock, api=api) as two:
            assert await two.scheduler.read_now(ONE) is None
            await one.poll(10)
            api.statuses |= dict.fromkeys(api.statuses, Unavailable("GoldRush didn't answer within 5 s."))
            await one.poll(60)
            await one.leadership.release()
            await two.poll(30)
            assert two.leadership.is_leader
            assert await two.cards() == ["GoldRush API blind"]
            outage = two.repository.record(API_PIPELINE_ID).episode
            assert outage is not None
            assert outage.open
