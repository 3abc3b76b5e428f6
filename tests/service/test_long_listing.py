"""A long listing may miss pipelines that moved to a page already read. So the bot reads each one before it drops it."""

import asyncio

import pytest
import redis.asyncio

from bot.monitoring.budget import Route
from bot.monitoring.catalogue import CHECKED, LARGE
from bot.ports.catalogue import ListingOutcome
from bot.ports.pipeline_api import ListingPage, Throttled, Unavailable
from bot.ports.status_reads import NO_DATABASE
from bot.ports.store_errors import StoreAway
from tests.service.test_poller import Bot, pipelines, running

MANY = pipelines(LARGE + 3)
MOVED, *DELETED = [pipeline.id for pipeline in MANY[-3:]]


async def list_without_missing(bot: Bot, total: int | None = None) -> ListingOutcome:
    """Runs the listing's job once. The listing lacks three pipelines; GoldRush has only the first of them."""
    bot.api.listing = ListingPage(pipelines=tuple(MANY[:LARGE]), more=False, total=total)
    bot.api.pipelines = {pipeline.id: pipeline for pipeline in MANY if pipeline.id not in DELETED}
    listing = asyncio.create_task(bot.catalogue.list_all())
    await bot.poll(60)
    return await listing


async def test_a_listing_drops_only_what_goldrush_does_not_have(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis) as bot:
        await bot.repository.save_page(MANY)
        assert (await list_without_missing(bot)).problem is None
        assert bot.api.asked == [MOVED, *DELETED]
        assert bot.repository.listed.keys() == {pipeline.id for pipeline in MANY} - set(DELETED)


async def test_a_fleet_that_changes_during_the_listing_keeps_no_deleted_pipeline(
    fake_redis: redis.asyncio.Redis,
) -> None:
    """Then the pages don't add up to the total. But GoldRush itself says that it does not have these pipelines."""
    async with running(fake_redis) as bot:
        await bot.repository.save_page(MANY)
        assert (await list_without_missing(bot, total=LARGE + 2)).problem is None
        assert bot.repository.listed.keys() == {pipeline.id for pipeline in MANY} - set(DELETED)


async def test_a_listing_of_many_pages_drops_one_deleted_pipeline_per_page(fake_redis: redis.asyncio.Redis) -> None:
    """Otherwise, a fleet that always changes would keep more and more of them."""
    deleted = CHECKED + 10
    many = pipelines(LARGE + deleted)
    async with running(fake_redis) as bot:
        await bot.repository.save_page(many)
        bot.api.pipelines = {pipeline.id: pipeline for pipeline in many[:LARGE]}
        length = LARGE // (CHECKED + 5)
        pages = [tuple(many[start : start + length]) for start in range(0, LARGE, length)]
        bot.api.pages = [ListingPage(pipelines=page, more=page is not pages[-1]) for page in pages]
        listing = asyncio.create_task(bot.catalogue.list_all())
        await bot.poll(120)
        assert (await listing).problem is None
        assert len(pages) > CHECKED
        assert len(bot.repository.listed) == LARGE + deleted - len(pages)


async def test_a_429_for_a_missing_pipeline_ends_the_reads_until_the_wait_is_over(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis) as bot:
        await bot.repository.save_page(MANY)
        bot.api.refusal = Throttled("slow down", retry_after=600.0)
        assert (await list_without_missing(bot)).problem == "slow down"
        bot.api.refusal = None
        for _ in range(5):
            assert (await list_without_missing(bot)).problem
        assert bot.api.asked == [MOVED]
        assert len(bot.repository.listed) == len(MANY)
        await bot.poll(600)
        assert (await list_without_missing(bot)).problem is None
        assert bot.api.asked == [MOVED, MOVED, *DELETED]
        assert bot.repository.listed.keys() == {pipeline.id for pipeline in MANY} - set(DELETED)


async def test_any_error_for_a_missing_pipeline_may_ask_for_a_wait(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis) as bot:
        await bot.repository.save_page(MANY)
        bot.api.refusal = Unavailable("GoldRush answered 503.", retry_after=600.0)
        await list_without_missing(bot)
        assert bot.budget.current_hold(Route.PIPELINE)
        assert bot.budget.current_hold(Route.LISTING) is None
        assert bot.budget.rate == bot.budget.full_rate


async def test_a_listing_without_redis_names_no_server(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreAway("the store does not answer: ConnectionError: 10.0.0.7:6379")

    async with running(fake_redis) as bot:
        monkeypatch.setattr(bot.store, "save_pipelines", away)
        bot.api.listing = ListingPage(pipelines=tuple(MANY[5:9]), more=False)
        assert (await bot.catalogue.refresh()).problem == NO_DATABASE


async def test_a_frozen_leader_lists_nothing_over_the_next_leader(fake_redis: redis.asyncio.Redis) -> None:
    """It still takes its lease for its own."""
    async with running(fake_redis) as bot:
        assert (await bot.catalogue.refresh()).problem is None
        stored = await bot.store.catalogue()
        assert bot.leadership.lease
        await bot.store.release_lease(bot.leadership.lease)
        bot.api.listing = ListingPage(pipelines=tuple(MANY[5:9]), more=False)
        assert (await bot.catalogue.refresh()).problem == "another bot lists the pipelines now"
        assert await bot.store.catalogue() == stored


async def test_the_first_listing_is_under_way_until_its_end(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis) as bot:
        under_way = [bot.catalogue.still_listing]
        original = bot.api.page

        async def page(number: int) -> ListingPage:
            under_way.append(bot.catalogue.still_listing)
            return await original(number)

        bot.api.page = page  # type: ignore[method-assign]
        for total in (9, None):
            bot.api.listing = ListingPage(pipelines=tuple(MANY[:4]), more=True, total=total)
            await bot.catalogue.refresh()
            under_way.append(bot.catalogue.still_listing)
    assert under_way == [False, True, True, False, False, False, False]


async def test_a_listing_without_a_page_is_not_the_first_if_the_catalogue_is_known(
    fake_redis: redis.asyncio.Redis,
) -> None:
    """After a restart during an outage of GoldRush, answers have the catalogue of before."""

    async def away(number: int) -> ListingPage:
        raise Unavailable("GoldRush answered 503.")

    async with running(fake_redis) as bot:
        bot.api.page = away  # type: ignore[method-assign]
        await bot.repository.save_page(MANY[:4])
        assert (await bot.catalogue.refresh()).problem
        assert not bot.catalogue.still_listing
