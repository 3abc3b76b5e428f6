"""The bot obeys GoldRush's Retry-After on its route, and announces a wait that makes readings stale."""

from dataclasses import replace
from datetime import timedelta

import redis.asyncio

from bot.domain.phase import Phase
from bot.domain.watch import API_PIPELINE_ID
from bot.monitoring.budget import Route
from bot.ports.pipeline_api import ApiError, Status, Throttled, Unavailable
from bot.slack.render.saved_question import SavedQuestion
from tests.builders import ALERTS
from tests.service.test_poller import FAILED, LIVE, ONE, OTHER, Bot, pipelines, running
from tests.unit.rendering import LOOK

SLOW_DOWN = "GoldRush answered 429: too many requests with this ServiceKey."


def answer_all(bot: Bot, answer: Status | ApiError) -> None:
    for pipeline_id in bot.api.statuses:
        bot.api.statuses[pipeline_id] = answer


async def watched(bot: Bot) -> None:
    await bot.watch("orders-*")
    await bot.catalogue.refresh()
    await bot.poll(30)


async def notice(bot: Bot) -> str:
    episode = bot.repository.record(API_PIPELINE_ID).episode
    assert episode is not None
    (card,) = (await bot.store.cards(tuple(episode.cards))).values()
    (row,) = [delivery for delivery in await bot.store.owed(ALERTS) if delivery.id == card.content.key]
    return LOOK.content(card.content, row, bot.clock.now()).text


async def test_one_429_for_ten_minutes_is_announced_with_its_end_and_its_recovery(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await watched(bot)
        answer_all(bot, Throttled(SLOW_DOWN, retry_after=600.0))
        await bot.poll(16)
        until = bot.scheduler.waits_until()
        assert until is not None
        answer_all(bot, LIVE)
        await bot.poll(16)
        assert await bot.cards() == ["GoldRush API blind"]
        text = await notice(bot)
        assert "GoldRush API can't be read" in text
        assert SLOW_DOWN in text
        assert "3 pipelines are not being read" in text
        assert f"I'll try again at <!date^{int(until.timestamp())}^" in text
        reads = len(bot.api.reads)
        await bot.poll(540)
        assert len(bot.api.reads) == reads
        assert await bot.cards() == ["GoldRush API blind"]
        bot.api.statuses[ONE] = FAILED
        await bot.poll(60)
        outage = bot.repository.record(API_PIPELINE_ID).episode
        assert outage is not None
        assert not outage.open
        assert "orders-1 failure" in await bot.cards()


async def test_a_503_with_retry_after_is_announced_in_the_same_way(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watched(bot)
        answer_all(bot, Unavailable("GoldRush answered 503.", retry_after=120.0))
        await bot.poll(40)
        assert await bot.cards() == ["GoldRush API blind"]
        assert "I'll try again at" in await notice(bot)


async def test_a_wait_that_makes_no_reading_stale_is_not_announced(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watched(bot)
        answer_all(bot, Throttled(SLOW_DOWN, retry_after=8.0))
        await bot.poll(14)  # two waits in a row; a third would count as an outage
        answer_all(bot, LIVE)
        await bot.poll(60)
        assert await bot.cards() == []


async def test_a_pipeline_at_rest_may_wait_for_its_whole_period(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        bot.api.statuses[ONE] = Status(phase=Phase.PAUSED, replicas=0, ready=0)
        await watched(bot)
        bot.budget.hold(Route.STATUS, 20.0)
        await bot.poll(19)
        assert "GoldRush API blind" not in await bot.cards()


async def test_a_throttled_listing_or_object_delays_no_status_read(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watched(bot)
        bot.api.listing = Throttled(SLOW_DOWN, retry_after=600.0)
        bot.api.refusal = Throttled(SLOW_DOWN, retry_after=600.0)
        await bot.catalogue.refresh()
        bot.api.statuses[ONE] = Status(phase=Phase.PAUSED, replicas=0, ready=0)
        reads = len(bot.api.reads)
        await bot.poll(60)
        assert len(bot.api.reads) - reads >= 5
        assert "GoldRush API blind" not in await bot.cards()
        answer = await bot.requests.queries.browse(ALERTS, "", 0, 9)
        assert answer.wait_until == (await bot.catalogue.refresh(older_than=600.0)).waits_until is not None
        text = LOOK.answer(answer, SavedQuestion(text="list")).text
        assert "The list may be out of date" in text
        assert "I'll try again at <!date^" in text


async def test_a_longer_wait_changes_the_notice_and_posts_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watched(bot)
        answer_all(bot, Throttled(SLOW_DOWN, retry_after=60.0))
        await bot.poll(40)
        before = await notice(bot)
        answer_all(bot, Unavailable("GoldRush answered 503: maintenance.", retry_after=3600.0))
        await bot.poll(120)
        after = await notice(bot)
        assert before != after
        assert "maintenance" in after
        assert len(await bot.store.owed(ALERTS)) == 2  # one card, apart from the announcement of the watch
        episode = bot.repository.record(API_PIPELINE_ID).episode
        assert episode is not None
        assert len(episode.timeline) == 1


async def test_a_bot_started_during_a_wait_does_not_announce_its_end(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watched(bot)
        answer_all(bot, Throttled(SLOW_DOWN, retry_after=600.0))
        await bot.poll(40)
    async with running(fake_redis, clock=bot.clock, api=bot.api) as again:
        await again.poll(40)
        episode = again.repository.record(API_PIPELINE_ID).episode
        assert episode is not None
        assert episode.open


async def test_an_answer_says_at_once_that_reads_wait_and_until_when(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await watched(bot)
        answer_all(bot, Throttled(SLOW_DOWN, retry_after=600.0))
        await bot.poll(40)
        reads = len(bot.api.reads)
        answer = await bot.requests.queries.status(ALERTS, [ONE])
        assert len(bot.api.reads) == reads
        until = bot.scheduler.waits_until()
        assert until is not None
        head, doubt, *_ = LOOK.answer(answer, SavedQuestion(text="status")).text.split("\n")
        assert head.startswith("orders-1 — last seen RUNNING ")
        assert doubt.startswith(
            f"I couldn't read it just now: {SLOW_DOWN} I'll try again at <!date^{int(until.timestamp())}^"
        )
        for shown in (
            await bot.requests.queries.status(ALERTS, []),
            await bot.requests.queries.status(OTHER, ["orders-*"]),
            await bot.requests.queries.browse(ALERTS, "", 0, 9),
            await bot.requests.queries.watches(ALERTS),
        ):
            message = LOOK.answer(shown, SavedQuestion(text="status"))
            assert "RUNNING, live" not in message.text
            assert "large_green_circle" not in str(message.blocks)


async def test_a_wait_is_capped_at_an_hour(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        bot.budget.throttled(Route.STATUS, 1e9)
        until = bot.scheduler.waits_until()
        assert until is not None
        assert until - bot.clock.now() == timedelta(hours=1)


async def test_refresh_during_an_outage_puts_the_doubt_first_on_the_card_too(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watched(bot)
        bot.api.statuses[ONE] = replace(LIVE, replicas=2, ready=1)
        await bot.poll(20)
        answer_all(bot, Unavailable("GoldRush didn't answer within 5 s."))
        await bot.poll(20)
        answer = await bot.requests.queries.refresh(ALERTS, ONE)
        assert LOOK.answer(answer, SavedQuestion()).text.startswith("orders-1 — last seen RUNNING ")
        episode = bot.repository.record(ONE).episode
        assert episode is not None
        (card,) = (await bot.store.cards(tuple(episode.cards))).values()
        assert card.content.unread_at == bot.clock.now()


async def test_consecutive_short_waits_are_announced_when_one_pipeline_is_watched(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watched(bot)
        answer_all(bot, Throttled(SLOW_DOWN, retry_after=5.0))
        await bot.poll(60)
        assert await bot.cards() == ["GoldRush API blind"]
        assert SLOW_DOWN in await notice(bot)


async def test_a_pipeline_throttled_alone_for_minutes_is_announced(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await watched(bot)
        bot.api.statuses[ONE] = Throttled(SLOW_DOWN, retry_after=0.0)
        await bot.poll(45)
        assert await bot.cards() == []
        await bot.poll(120)
        assert await bot.cards() == ["orders-1 blind"]
