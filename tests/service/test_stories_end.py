"""The bot reads an open episode to its end, even if the listing drops its pipeline."""

from collections import Counter
from dataclasses import replace

import redis.asyncio

from bot.domain.card import SyncCard
from bot.domain.episode import EpisodeOutcome
from bot.domain.transition import Reach
from bot.ports.pipeline_api import NotFound
from tests.builders import ALERTS, ANN
from tests.service.test_poller import FAILED, LIVE, ONE, OTHER, Bot, pipelines, running

GONE = NotFound("GoldRush answered 404: there is no such pipeline.")


async def failed(bot: Bot, *references: str) -> None:
    await bot.watch(*references)
    await bot.catalogue.refresh()
    await bot.poll(20)
    bot.api.statuses[ONE] = FAILED
    await bot.poll(20)
    assert await bot.cards() == ["orders-1 failure"]


def delete(bot: Bot) -> None:
    del bot.api.pipelines[ONE]
    bot.api.statuses[ONE] = GONE


async def reach_on_card(bot: Bot) -> Reach:
    """Returns the text of the channel's card in the outbox."""
    keys = [row.body.card_key for row in await bot.store.owed(ALERTS) if isinstance(row.body, SyncCard)]
    (card,) = (await bot.store.cards(keys)).values()
    return card.content.state.reach


async def test_a_listing_before_the_404s_leaves_no_card_open_for_ever(
    fake_redis: redis.asyncio.Redis,
) -> None:
    for reference in ("orders-*", "project:shop", ONE):
        await fake_redis.flushall()
        async with running(fake_redis, *pipelines(2)) as bot:
            await failed(bot, reference)
            delete(bot)
            await bot.catalogue.refresh()
            await bot.poll(30)
            assert bot.repository.record(ONE).state.reach is Reach.GONE
            assert await reach_on_card(bot) is Reach.GONE
            before = Counter(bot.api.reads)[ONE]
            await bot.poll(60)
            assert Counter(bot.api.reads)[ONE] == before
            assert bot.repository.unlisted == ()


async def test_a_healthy_pipeline_that_is_deleted_is_reported_too(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(20)
        delete(bot)
        await bot.catalogue.refresh()
        await bot.poll(60)
        assert await bot.cards() == ["orders-1 blind"]


async def test_an_unlisted_pipeline_is_still_read_after_a_restart(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await failed(bot, "orders-*")
        delete(bot)
        await bot.catalogue.refresh()
    async with running(fake_redis, clock=bot.clock, api=bot.api) as again:
        await again.catalogue.refresh()
        await again.poll(60)
        assert await reach_on_card(again) is Reach.GONE
        assert again.repository.pipeline(ONE).name == "pipe_0001"  # no listing shows it any more


async def test_a_pipeline_outside_the_pattern_is_read_until_it_recovers(
    fake_redis: redis.asyncio.Redis,
) -> None:
    for reference, name, project in (("orders-*", "sales-1", "shop"), ("project:shop", "orders-1", "other")):
        await fake_redis.flushall()
        async with running(fake_redis, *pipelines(2)) as bot:
            await failed(bot, reference)
            bot.api.pipelines[ONE] = replace(bot.api.pipelines[ONE], name=name, project=project)
            await bot.catalogue.refresh()
            bot.api.statuses[ONE] = LIVE
            await bot.poll(30)
            episode = bot.repository.record(ONE).episode
            assert episode is not None
            assert episode.outcome is EpisodeOutcome.RECOVERED
            before = Counter(bot.api.reads)[ONE]
            await bot.poll(60)
            assert Counter(bot.api.reads)[ONE] == before  # nobody watches it now


async def test_ending_a_pattern_closes_the_episodes_of_its_pipelines(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await failed(bot, "orders-*")
        bot.api.pipelines[ONE] = replace(bot.api.pipelines[ONE], name="sales-1")
        await bot.catalogue.refresh()
        await bot.requests.subscriptions.unwatch(ALERTS, None, ANN)
        assert bot.repository.record(ONE).episode is None
        assert ONE not in bot.repository.pollable


async def test_unwatching_an_unlisted_pipeline_stops_its_messages(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await failed(bot, "orders-*")
        await bot.watch("orders-1*", channel=OTHER)
        delete(bot)
        await bot.catalogue.refresh()
        await bot.requests.subscriptions.unwatch(ALERTS, ["orders-*"], ANN)
        assert ONE in bot.repository.pollable  # the other channel still watches
        await bot.requests.subscriptions.unwatch(OTHER, None, ANN)
        assert ONE not in bot.repository.pollable
        assert bot.repository.record(ONE).episode is None


async def test_an_unlisted_pipeline_answers_to_its_name_and_is_in_no_list(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await failed(bot, "orders-*")
        delete(bot)
        await bot.catalogue.refresh()
        (view,) = (await bot.requests.queries.status(ALERTS, ["orders-1"])).views
        assert view.pipeline.id == ONE
        assert [shown.pipeline.name for shown in (await bot.requests.queries.browse(ALERTS, "", 0, 9)).views] == [
            "orders-2"
        ]
