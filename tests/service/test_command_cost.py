"""A command's cost depends on its answer alone. The tests count function calls, so a slow machine changes nothing."""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable
from types import FrameType
from typing import Any

import redis.asyncio

from bot.domain.catalogue import Pipeline
from bot.domain.names import UnknownReference
from bot.domain.observation import PipelineId
from bot.requests.pipeline_views import READ_AT_ONCE
from bot.requests.references import SUGGESTED
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import EXPLAINED
from bot.slack.render.saved_question import SavedQuestion
from tests.builders import ALERTS, a_pipeline
from tests.service.test_poller import pipelines, running
from tests.unit.rendering import render_answer

CONTEXT = RenderContext(platform_url="https://goldrush.dev/platform/", command="/pipeline")


async def calls(work: Awaitable[object]) -> int:
    """Counts the Python function calls of one run."""
    count = 0

    def called(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(called)
    try:
        await work
    finally:
        sys.setprofile(None)
    return count


def many(count: int) -> list[Pipeline]:
    return [
        a_pipeline(f"team-{number % 7} orders number {number}", pipeline_id=PipelineId(f"pipe_{number:027x}"))
        for number in range(count)
    ]


async def test_only_the_first_unknown_words_get_suggestions(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(5)) as bot:
        answer = await bot.requests.queries.status(ALERTS, [f"ordrs-{number}" for number in range(199)])
    unknown = [reference for reference in answer.unresolved if isinstance(reference, UnknownReference)]
    assert len(unknown) == 199
    assert [bool(reference.nearest) for reference in unknown] == [True] * SUGGESTED + [False] * (199 - SUGGESTED)


async def test_an_answer_counts_the_unknown_words_it_has_no_room_for(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(5)) as bot:
        answer = await bot.requests.queries.status(ALERTS, [f"nosuch-{number}" for number in range(199)])
    text = render_answer(answer, SavedQuestion(text="status"), CONTEXT).text
    assert "nosuch-0" in text
    assert f"and {199 - 2 * EXPLAINED} more" in text


async def test_another_word_costs_the_same_for_any_number_of_pipelines(fake_redis: redis.asyncio.Redis) -> None:
    costs = []
    for size in (50, 800):
        async with running(fake_redis, *many(size)) as bot:
            await bot.catalogue.refresh()
            few = await calls(bot.requests.queries.status(ALERTS, [f"nosuch-{number}" for number in range(10)]))
            lots = await calls(bot.requests.queries.status(ALERTS, [f"nosuch-{number}" for number in range(199)]))
        costs.append((lots - few) / 189)
    assert costs[1] < costs[0] * 1.5


async def test_a_repeated_word_is_looked_up_once(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(30)) as bot:
        answer = await bot.requests.queries.status(ALERTS, ["pipe_", "PIPE_"] * 90)
    assert len(answer.unresolved) == 1


async def test_a_pattern_over_many_pipelines_reads_one_page_of_them(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(300)) as bot:
        await bot.catalogue.refresh()
        answer = await bot.requests.queries.status(ALERTS, ["*"])
        assert len(answer.views) == 300
        assert len(bot.api.reads) == READ_AT_ONCE
        assert [view.problem for view in answer.views] == [None] * 300


async def test_endless_requests_delay_no_read(fake_redis: redis.asyncio.Redis) -> None:
    """Five people request five pipelines each, over and over, while the bot reads 50 pipelines every 15 s."""
    async with running(fake_redis, *pipelines(75), rate=4.0) as bot:
        await bot.watch(*(f"pipe_{number:04}" for number in range(1, 51)))
        await bot.catalogue.refresh()
        await bot.poll(40)
        begun = len(bot.api.reads)

        async def ask(first: int) -> None:
            while True:
                await bot.requests.queries.status(ALERTS, [f"orders-{first + number}" for number in range(5)])
                await bot.clock.sleep(0.25)

        people = [asyncio.create_task(ask(first)) for first in range(51, 76, 5)]
        await bot.poll(60)
        for person in people:
            person.cancel()
        reads = Counter(bot.api.reads[begun:])
        polled = [reads[PipelineId(f"pipe_{number:04}")] for number in range(1, 51)]
        assert min(polled) >= 3, polled
        assert sum(reads[PipelineId(f"pipe_{number:04}")] for number in range(51, 76)) >= 30


async def test_a_listing_costs_no_more_with_many_watches(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *many(200)) as bot:
        await bot.catalogue.refresh()
        await bot.requests.queries.browse(ALERTS, "", 0, 20)
        plain = await calls(bot.requests.queries.browse(ALERTS, "", 0, 20))
        await bot.watch(*(f"pipe_{number:027x}" for number in range(100)))
        watched = await calls(bot.requests.queries.browse(ALERTS, "", 0, 20))
    assert watched < plain + 200 * 20
