"""A bot that fell behind starts its reads in small steps, so that people's answers get in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio

from bot.monitoring.scheduler import MOST_AT_ONCE, Scheduler
from tests.fakes import settle
from tests.service.test_poller import pipelines, running

FLEET = 3 * MOST_AT_ONCE


@asynccontextmanager
async def behind(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Scheduler]:
    """A scheduler for which the whole fleet is due."""
    async with running(fake_redis, *pipelines(FLEET), rate=3.0 * FLEET) as bot:
        await bot.watch(*(pipeline.id for pipeline in pipelines(FLEET)))
        await bot.poll(10)
        bot.scheduler._slots = 0  # it starts nothing while time passes
        for _ in range(3):
            await bot.heartbeat.beat()
            await bot.clock.pass_time(2)
        bot.scheduler._slots = FLEET
        yield bot.scheduler


async def test_one_step_starts_a_bounded_number_of_reads(fake_redis: redis.asyncio.Redis) -> None:
    async with behind(fake_redis) as scheduler:
        scheduler._start_due()
        assert len(scheduler._under_way) == MOST_AT_ONCE
        scheduler._start_due()
        assert len(scheduler._under_way) == 2 * MOST_AT_ONCE


async def test_a_late_slice_of_a_tick_starts_no_read(fake_redis: redis.asyncio.Redis) -> None:
    async with behind(fake_redis) as scheduler:
        now = asyncio.get_running_loop().time()
        Scheduler._start_slice(scheduler, until=now - 0.001)
        assert len(scheduler._under_way) == 0
        Scheduler._start_slice(scheduler, until=now + 3600)
        assert len(scheduler._under_way) == MOST_AT_ONCE


async def test_timers_of_the_loop_start_no_read_in_these_tests(fake_redis: redis.asyncio.Redis) -> None:
    """Else a test's result would depend on how fast the machine runs it."""
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch("pipe_0001")
        await bot.poll(1)
        reads = len(bot.api.reads)
        await bot.clock.pass_time(6)
        for timer in asyncio.get_running_loop()._scheduled:  # type: ignore[attr-defined]
            timer._run()
        await settle()
        assert len(bot.api.reads) == reads
