"""A gateway answers in place of GoldRush. Its 404 does not mean that a pipeline was deleted."""

from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.observation import PipelineId
from bot.domain.transition import Reach
from bot.domain.watch import API_PIPELINE_ID
from bot.monitoring.catalogue import LARGE
from bot.monitoring.outage import ANSWERING_SECONDS
from bot.ports.pipeline_api import ApiError, ListingPage, Malformed, NotFound, StrayNotFound, Unavailable
from tests.service.test_poller import FAILED, LIVE, ONE, TWO, pipelines, running

STRAY = StrayNotFound("The answer was 404, but not in GoldRush's form.")


async def test_404_for_every_pipeline_is_an_outage_and_ends_none(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(20)
        for pipeline_id in bot.api.statuses:
            bot.api.statuses[pipeline_id] = STRAY
        bot.api.listing = STRAY
        await bot.poll(60)
        assert await bot.cards() == ["GoldRush API blind"]
        assert {bot.repository.record(pipeline_id).state.reach for pipeline_id in bot.api.statuses} == {Reach.REACHABLE}
        bot.api.listing = None
        for pipeline_id in bot.api.statuses:
            bot.api.statuses[pipeline_id] = LIVE
        bot.api.statuses[ONE] = FAILED
        await bot.poll(30 + ANSWERING_SECONDS)  # the bot kept reading
        outage = bot.repository.record(API_PIPELINE_ID).episode
        assert outage is not None
        assert not outage.open
        assert "orders-1 failure" in await bot.cards()


async def test_404_for_a_listed_pipeline_makes_it_unreadable(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(20)
        bot.api.statuses[ONE] = STRAY
        await bot.poll(90)
        assert bot.repository.record(ONE).state.reach is Reach.UNREACHABLE
        assert await bot.cards() == ["orders-1 blind"]


async def test_404_for_a_pipeline_missing_from_a_complete_listing_means_deleted(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(20)
        bot.api.statuses[ONE] = STRAY
        del bot.api.pipelines[ONE]
        before = bot.api.listings
        await bot.poll(60)
        assert bot.repository.record(ONE).state.reach is Reach.GONE
        assert bot.api.listings - before <= 3


@pytest.mark.parametrize(
    "listing",
    [
        ListingPage(pipelines=(), more=False),
        ListingPage(pipelines=(), more=False, total=0),
        ListingPage(pipelines=(pipelines(3)[1],), more=False, total=3),
        ListingPage(pipelines=tuple(pipelines(3)[1:]), more=False, skipped=1),
        ListingPage(pipelines=tuple(pipelines(3)[1:]), more=False, total=1),
        Malformed("GoldRush's answer holds no list of pipelines."),
        NotFound("GoldRush answered 404."),
        Unavailable("GoldRush answered with a redirect (302)."),
    ],
)
async def test_a_possibly_incomplete_listing_deletes_nothing(
    listing: ListingPage | ApiError, fake_redis: redis.asyncio.Redis
) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(20)
        bot.api.listing = listing
        bot.api.statuses[ONE] = STRAY
        await bot.poll(90)
        assert bot.repository.record(ONE).state.reach is Reach.UNREACHABLE
        await bot.catalogue.refresh()
        assert len(bot.repository.pollable) == 3
        assert len(bot.repository.catalogue) == 3


async def test_a_listing_with_missing_pages_is_incomplete(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await bot.catalogue.refresh()
        bot.api.listing = ListingPage(pipelines=(pipelines(3)[0],), more=True, total=3)
        await bot.catalogue.refresh()
        assert not bot.repository.lacks(TWO, since=0.0)


async def test_a_complete_listing_removes_unwatched_pipelines(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await bot.catalogue.refresh()
        del bot.api.pipelines[ONE]
        await bot.catalogue.refresh()
        assert bot.repository.lacks(ONE, since=0.0)
        assert len(bot.repository.catalogue) == 2
        assert bot.repository.unlisted == ()


async def test_no_absence_is_confirmed_before_a_listing_has_ended(fake_redis: redis.asyncio.Redis) -> None:
    """The first long listing after a restart takes long. Until then, a stray 404 is no deletion."""
    many, absent = pipelines(LARGE + 1), PipelineId("pipe_absent")
    async with running(fake_redis) as bot:
        await bot.repository.save_page(many)
        assert not await bot.catalogue.confirms_absence(absent)
        await bot.repository.end_listing({pipeline.id for pipeline in many}, complete_at=0.0)
        assert await bot.catalogue.confirms_absence(absent)


async def test_one_404_from_goldrush_itself_needs_no_listing(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(20)
        bot.api.statuses[ONE] = NotFound("GoldRush answered 404: there is no such pipeline.")
        before = bot.api.listings
        await bot.poll(60)
        assert bot.repository.record(ONE).state.reach is Reach.GONE
        assert bot.api.listings == before


async def test_a_listing_with_a_new_name_redraws_the_open_card(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await bot.catalogue.refresh()
        bot.api.statuses[ONE] = FAILED
        await bot.poll(20)
        bot.api.pipelines[ONE] = replace(bot.api.pipelines[ONE], name="sales")
        await bot.catalogue.refresh()
        assert await bot.cards() == ["sales failure"]
