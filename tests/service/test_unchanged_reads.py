"""Most reads bring nothing new. They write nothing to the store, and leave nothing in memory."""

import gc
import tracemalloc

import pytest
import redis.asyncio

from bot.domain.phase import Phase
from bot.monitoring import scheduler
from bot.ports.pipeline_api import Status
from tests.service.test_poller import LIVE, ONE, Bot, pipelines, running

FLEET = tuple(pipeline.id for pipeline in pipelines(200))
READS = 1000
KEPT = 1_000  # bytes: one per read, where one reference takes 8


async def _poll_until(bot: Bot, reads: int) -> None:
    bot.api.reads.clear()
    for _ in range(reads):
        await bot.poll(1)
        if len(bot.api.reads) >= reads:
            return
    raise AssertionError(f"only {len(bot.api.reads)} reads")


async def _write(*_: object) -> None:
    raise AssertionError("a write for an unchanged reading")


async def test_unchanged_reads_write_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(200)) as bot:
        bot.api.statuses[ONE] = Status(phase=Phase.FAILED, replicas=1, ready=0)
        await bot.watch(*FLEET)
        await bot.poll(120)
        bot.store.first["commit"] = _write
        await _poll_until(bot, READS)
        latest = max(record.state.sequence.read for record in bot.repository.records)
    assert latest >= READS


async def test_a_change_after_unchanged_reads_is_written(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(200)) as bot:
        await bot.watch(*FLEET)
        await _poll_until(bot, READS)
        bot.api.statuses[ONE] = Status(phase=Phase.FAILED, replicas=1, ready=0)
        await bot.poll(60)
        assert await bot.cards() == [f"{ONE} failure"]
        bot.api.statuses[ONE] = LIVE
        await bot.poll(60)
        assert bot.repository.record(ONE).state.phase == Phase.RUNNING


async def test_unchanged_reads_leave_nothing_in_memory(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "SLICES", 1)  # the slices of a tick wait in the loop's own time, not in the test's
    tracemalloc.start()  # before the bot starts: replacing an untraced row by a traced one would look like growth
    try:
        async with running(fake_redis, *pipelines(200)) as bot:
            await bot.watch(*FLEET)
            await _read(bot, READS)
            before = _kept()
            await _read(bot, READS)
            assert _kept() - before < KEPT
    finally:
        tracemalloc.stop()


async def _read(bot: Bot, reads: int) -> None:
    """Reads without heartbeats: fakeredis keeps some of their strings."""
    bot.api.reads.clear()
    while len(bot.api.reads) < reads:
        await bot.leadership.acquire()
        await bot.scheduler.tick()
        await bot.clock.pass_time(scheduler.TICK_SECONDS)


def _kept() -> int:
    """Bytes that the bot's own code allocated and still holds."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(inclusive=True, filename_pattern="*/bot/*")]
    )
    return sum(statistic.size for statistic in snapshot.statistics("filename"))
