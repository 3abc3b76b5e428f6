"""A small budget still lists every pipeline: a listing keeps its pages while it waits for the next request."""

import asyncio
from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.observation import PipelineId
from bot.monitoring.budget import BUDGET_USED_UP, GOLDRUSH_HOLDS, RESERVED_SHARE, Route
from bot.monitoring.catalogue import LARGE, QUICK_PAGES
from bot.ports.pipeline_api import ListingPage, NotFound, Unavailable
from tests.builders import ALERTS, a_pipeline
from tests.fakes import FakeApi
from tests.service.test_poller import ONE, Bot, pipelines, running

PAGE = LARGE // QUICK_PAGES
NEW = a_pipeline("orders-new", pipeline_id=PipelineId("pipe_new"))


class PagedApi(FakeApi):
    """Lists as many pipelines per page as GoldRush does."""

    async def page(self, number: int) -> ListingPage:
        self.listings += 1
        everything = tuple(self.pipelines.values())
        end = number * PAGE
        return ListingPage(pipelines=everything[end - PAGE : end], more=end < len(everything), total=len(everything))


async def polled(bot: Bot) -> None:
    """All pipelines are known and watched, and polling and people have used up the budget."""
    await bot.repository.save_page(tuple(bot.api.pipelines.values()))
    await bot.watch("orders-*")
    await bot.poll(60)
    while await bot.budget.take(Route.STATUS, 0.0):
        pass


async def listed(bot: Bot, *, within: float) -> bool:
    """Runs the listing's job once. True if it ends within this time."""
    job = asyncio.create_task(bot.scheduler.refresh_catalogue())
    for _ in range(round(within)):
        if job.done():
            break
        await bot.poll(1)
    ended = job.done()
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    return ended


def change(api: FakeApi) -> set[PipelineId]:
    """One pipeline is new, one has another name, and one is gone. Returns the ids that remain."""
    first, last = next(iter(api.pipelines)), list(api.pipelines)[-1]
    api.pipelines[last] = replace(api.pipelines[last], name="renamed")
    del api.pipelines[first]
    api.statuses[first] = NotFound("no such pipeline")
    api.pipelines[NEW.id], api.statuses[NEW.id] = NEW, api.statuses[last]
    return set(api.pipelines)


@pytest.mark.parametrize(
    ("rate", "number"), [(0.1, 51), (0.5, 51), (0.5, 120), (0.5, 500), (1.0, 200), (1.0, 450), (2.0, 450), (4.0, 450)]
)
async def test_a_listing_ends_at_any_budget_while_polling_uses_it(
    fake_redis: redis.asyncio.Redis, rate: float, number: int
) -> None:
    async with running(fake_redis, api=PagedApi(*pipelines(number)), rate=rate) as bot:
        await polled(bot)
        remaining = change(bot.api)
        requests = number / PAGE + 3  # the last page may be empty, and one missing pipeline is read
        assert await listed(bot, within=60 + 2 * requests / (RESERVED_SHARE * rate))
        assert set(bot.repository.listed) == remaining
        assert bot.repository.listed[list(bot.api.pipelines)[-2]].name == "renamed"
        assert NEW.id in bot.repository.pollable


async def test_many_pipelines_removed_at_once_do_not_stop_a_long_listing(fake_redis: redis.asyncio.Redis) -> None:
    """Each missing pipeline costs a request."""
    async with running(fake_redis, api=PagedApi(*pipelines(LARGE + 10)), rate=0.5) as bot:
        await polled(bot)
        for pipeline in pipelines(6):
            del bot.api.pipelines[pipeline.id]
        assert await listed(bot, within=1800)
        assert set(bot.repository.listed) == set(bot.api.pipelines)
        assert len(bot.api.asked) == 6


async def test_a_deleted_pipeline_is_confirmed_absent_at_a_small_budget(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, api=PagedApi(*pipelines(120)), rate=0.5) as bot:
        await polled(bot)
        del bot.api.pipelines[ONE]
        for _ in range(20):
            confirming = asyncio.create_task(bot.catalogue.confirms_absence(ONE))
            while not confirming.done():
                await bot.poll(1)
            if await confirming:
                return
            await bot.poll(15)
        raise AssertionError(bot.repository.listed)


async def person_lists(bot: Bot) -> tuple[str | None, set[PipelineId]]:
    asking = asyncio.create_task(bot.requests.queries.browse(ALERTS, "", 0, 1))
    while not asking.done():
        await bot.poll(1)
    return (await asking).problem, set(bot.repository.listed)


async def test_people_who_ask_again_get_the_rest_of_the_listing(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, api=PagedApi(*pipelines(120)), rate=0.5) as bot:
        await polled(bot)
        remaining = change(bot.api)
        problems = set()
        for _ in range(20):
            problem, known = await person_lists(bot)
            problems.add(problem)
            if known == remaining:
                return
        raise AssertionError(problems)


async def test_a_listing_blames_goldrush_only_for_a_wait_that_it_asked_for(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, api=PagedApi(*pipelines(120)), rate=0.5) as bot:
        await polled(bot)
        problem, _ = await person_lists(bot)
        assert problem == BUDGET_USED_UP
        assert "GoldRush" not in BUDGET_USED_UP
        bot.budget.hold(Route.LISTING, 60.0)
        problem, _ = await person_lists(bot)
        assert problem == GOLDRUSH_HOLDS


async def test_a_read_for_a_person_blames_goldrush_only_for_a_wait_that_it_asked_for(
    fake_redis: redis.asyncio.Redis,
) -> None:
    unwatched = a_pipeline("payments", pipeline_id=PipelineId("pipe_pay"))

    async def read(bot: Bot) -> str | None:
        reading = asyncio.create_task(bot.scheduler.read_now(unwatched.id))
        while not reading.done():
            await bot.poll(1)
        return await reading

    async with running(fake_redis, api=PagedApi(*pipelines(60), unwatched), rate=0.1) as bot:
        await polled(bot)
        assert await read(bot) == BUDGET_USED_UP
        bot.budget.throttled(Route.STATUS, 600.0)
        assert await read(bot) == GOLDRUSH_HOLDS


async def test_edges_of_a_large_catalogue_are_both_read_at_a_small_budget(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, api=PagedApi(*pipelines(LARGE + 30)), rate=0.5) as bot:
        await polled(bot)
        assert await listed(bot, within=1800)
        while await bot.budget.take(Route.STATUS, 0.0):
            pass
        bot.api.pipelines[NEW.id] = NEW  # on the last page
        for _ in range(10):
            _, known = await person_lists(bot)
            if NEW.id in known:
                return
        raise AssertionError(bot.repository.listed)


@pytest.mark.parametrize("number", [120, 3000])
async def test_a_bot_that_lost_the_lead_lists_no_further_page_and_saves_none(
    fake_redis: redis.asyncio.Redis, number: int
) -> None:
    async with running(fake_redis, api=PagedApi(*pipelines(number)), rate=4.0) as bot:
        if number > LARGE:
            await bot.repository.save_page(pipelines(LARGE + 1))
        while await bot.budget.take(Route.STATUS, 0.0):
            pass
        job = asyncio.create_task(bot.scheduler.refresh_catalogue())
        while not bot.api.listings:
            await bot.poll(0.25)
        await bot.leadership.release()
        known, pages = set(bot.repository.listed), bot.api.listings
        await bot.clock.pass_time(600)
        assert job.done()
        assert bot.api.listings == pages
        assert set(bot.repository.listed) == known
        assert await bot.leadership.acquire()
        job = asyncio.create_task(bot.scheduler.refresh_catalogue())
        await bot.poll(number / PAGE / 0.4 + 60)
        assert job.done()
        assert len(bot.repository.listed) == number


async def test_a_page_that_comes_after_the_lead_is_lost_is_not_saved(fake_redis: redis.asyncio.Redis) -> None:
    class SlowApi(PagedApi):
        async def page(self, number: int) -> ListingPage:
            await bot.leadership.release()
            return await super().page(number)

    async with running(fake_redis, api=SlowApi(*pipelines(120))) as bot:
        outcome = await bot.catalogue.list_all()
        assert outcome.problem is not None
        assert bot.api.listings == 1
        assert set(bot.repository.listed) == set()


async def test_a_read_that_gets_no_request_says_what_is_wrong_in_words_for_people(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, api=PagedApi(*pipelines(3)), rate=4.0) as bot:
        await polled(bot)
        bot.api.statuses[ONE] = Unavailable("check GOLDRUSH_API_URL", plain="I can't reach GoldRush.")
        await bot.poll(60)
        bot.budget.throttled(Route.STATUS, 600.0)
        assert await bot.scheduler.read_now(ONE) == "I can't reach GoldRush."
