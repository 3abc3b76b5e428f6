"""The cadence of a whole bot on a virtual clock: how early it finds failures, alone and many at once."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
import redis.asyncio

from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.monitoring.budget import Route
from bot.monitoring.scheduler import TICK_SECONDS
from tests.fakes import FakeApi
from tests.service.test_poller import FAILED, LIVE, OPERATOR, Bot, pipelines, running

RATE = 4.0


async def read_times(bot: Bot, seconds: float) -> dict[PipelineId, list[float]]:
    at: dict[PipelineId, list[float]] = defaultdict(list)
    for _ in range(round(seconds / TICK_SECONDS)):
        before = len(bot.api.reads)
        await bot.poll(TICK_SECONDS)
        for pipeline_id in bot.api.reads[before:]:
            at[pipeline_id].append(bot.clock.monotonic())
    return at


def mean_delay(at: dict[PipelineId, list[float]]) -> float:
    """The mean time from a change to the next read, if changes come at any time with the same chance."""
    gaps = [later - earlier for times in at.values() for earlier, later in pairwise(times)]
    return sum(gap * gap / 2 for gap in gaps) / sum(gaps)


@pytest.mark.parametrize("number", [20, 60, 300])
async def test_a_failure_is_found_as_early_as_the_budget_allows(fake_redis: redis.asyncio.Redis, number: int) -> None:
    async with running(fake_redis, *pipelines(number), rate=RATE) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(max(10, number / RATE))
        at = await read_times(bot, max(60, 3 * number / RATE))
    assert len(at) == number
    assert mean_delay(at) <= 1.1 * max(number / 2 / RATE, 2.5)


async def test_many_failures_of_one_project_are_found_within_seconds_of_the_first(
    fake_redis: redis.asyncio.Redis,
) -> None:
    known = [
        replace(pipeline, project="orders" if n % 15 == 0 else f"p{n}") for n, pipeline in enumerate(pipelines(300))
    ]
    group = [pipeline.id for pipeline in known if pipeline.project == "orders"]
    async with running(fake_redis, *known, rate=RATE) as bot:
        await bot.watch("orders-*")
        await bot.scheduler.refresh_catalogue()
        await bot.poll(90)
        bot.api.statuses |= dict.fromkeys(group, FAILED)
        seen: dict[PipelineId, float] = {}
        while len(seen) < len(group):
            await bot.poll(TICK_SECONDS)
            for pipeline_id in group:
                if bot.repository.record(pipeline_id).state.phase == Phase.FAILED:
                    seen.setdefault(pipeline_id, bot.clock.monotonic())
    assert len(group) == 20
    assert max(seen.values()) - min(seen.values()) <= 10


async def test_a_restarted_bot_reads_each_pipeline_once_before_it_reads_one_again(
    fake_redis: redis.asyncio.Redis,
) -> None:
    api = FakeApi(*pipelines(100))
    async with running(fake_redis, api=api, rate=RATE) as bot:
        await bot.watch("orders-*")
        await bot.scheduler.refresh_catalogue()
        await bot.poll(60)
        api.statuses[PipelineId("pipe_0077")] = FAILED
        while bot.repository.record(PipelineId("pipe_0077")).state.phase != Phase.FAILED:
            await bot.poll(1)
    before = len(api.reads)
    async with running(fake_redis, api=api, clock=bot.clock, rate=RATE) as again:
        await again.poll(24)
    reads = [pipeline_id for pipeline_id in api.reads[before:] if pipeline_id != PipelineId("pipe_0077")]
    assert PipelineId("pipe_0077") in api.reads[before : before + 16]  # a fresh failure waits for no others
    assert len(reads) == len(set(reads))
    assert len(reads) > 70


async def test_a_pipeline_that_fails_often_is_read_more_often_even_after_a_restart(
    fake_redis: redis.asyncio.Redis,
) -> None:
    often = PipelineId("pipe_0001")
    api = FakeApi(*pipelines(100))
    async with running(fake_redis, api=api, rate=RATE) as bot:
        await bot.watch("orders-*")
        await bot.scheduler.refresh_catalogue()
        for _ in range(12):
            for status in (FAILED, LIVE):
                api.statuses[often] = status
                await bot.poll(40)
    assert bot.repository.record(often).state.failures >= 10
    async with running(fake_redis, api=api, clock=bot.clock, rate=RATE) as again:
        await again.poll(90)
        at = await read_times(again, 60)
    others = [len(times) for pipeline_id, times in at.items() if pipeline_id != often]
    assert len(at[often]) >= 2 * sum(others) / len(others)


async def test_the_operator_hears_once_that_readings_are_late_and_once_that_they_are_not(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(100), rate=RATE, operator=OPERATOR) as bot:
        await bot.watch("orders-*")
        await bot.scheduler.refresh_catalogue()
        await bot.poll(60)
        assert await notices(bot) == []
        await throttled(bot, 80)
        assert bot.scheduler.lateness() is not None
        (late,) = await notices(bot)
        assert late.kind is NoticeKind.LATE
        assert late.oldest > late.promised == 75.0
        await bot.poll(240)
        assert [notice.kind for notice in await notices(bot)] == [NoticeKind.LATE, NoticeKind.FRESH]


async def test_a_restart_repeats_no_notice_of_late_readings_and_skips_none(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(100), rate=RATE, operator=OPERATOR) as bot:
        await bot.watch("orders-*")
        await bot.scheduler.refresh_catalogue()
        await bot.poll(60)
        await throttled(bot, 80)
    async with running(fake_redis, api=bot.api, clock=bot.clock, rate=RATE, operator=OPERATOR) as second:
        await throttled(second, 80)
        assert [notice.kind for notice in await notices(second)] == [NoticeKind.LATE]
    async with running(fake_redis, api=bot.api, clock=bot.clock, rate=RATE, operator=OPERATOR) as third:
        await third.poll(10)
        assert [notice.kind for notice in await notices(third)] == [NoticeKind.LATE]  # it can't tell yet
        await third.poll(230)
        _, fresh = await notices(third)
    assert fresh.kind is NoticeKind.FRESH
    assert fresh.promised == 75.0


async def throttled(bot: Bot, seconds: int) -> None:
    """GoldRush allows a tenth of the budget."""
    for _ in range(seconds):
        bot.budget.throttled(Route.STATUS, 0.0)
        await bot.poll(1)


async def notices(bot: Bot) -> list[Notice]:
    bodies = [row.body for row in await bot.store.owed(OPERATOR)]
    return [body for body in bodies if isinstance(body, Notice)]
