"""The bot notices changed configurations in the listing, and invents none: over a real Redis."""

from dataclasses import replace
from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain.configuration import Configuration, ConfigurationChange, changes_before
from bot.domain.observation import PipelineId
from bot.monitoring.configurations import UNSEEN_FOR
from bot.ports.lease_store import Lease
from bot.ports.pipeline_api import Unavailable
from bot.ports.store_errors import LeadershipLost
from tests.builders import TEAM
from tests.service.test_poller import ONE, TWO, Bot, pipelines, running

ROWS = f"pipeline-bot:{{{TEAM}}}:configurations"
HOUR = timedelta(hours=1)


def shown(topic: str) -> Configuration:
    return Configuration(hashes={"topic": topic})


async def listed(bot: Bot, **topics: str) -> None:
    bot.api.configurations |= {PipelineId(key): shown(topic) for key, topic in topics.items()}
    await bot.poll(2)
    await bot.catalogue.refresh()


async def changes(bot: Bot) -> tuple[ConfigurationChange, ...]:
    row = await bot.store.configuration(ONE)
    return row.changes if row else ()


async def test_a_listing_shows_a_change_and_the_first_one_none(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.watch(ONE)
        await listed(bot, pipe_0001="a", pipe_0002="a")
        assert await changes(bot) == ()
        await listed(bot, pipe_0001="b", pipe_0002="b")
        (change,) = await changes(bot)
        assert [part.part for part in change.parts] == ["topic"]
        assert await bot.store.configuration(TWO) is None  # nobody watches it
        await listed(bot)
        assert await changes(bot) == (change,)


async def test_new_watches_cause_one_listing(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.watch(ONE)
        await listed(bot, pipe_0001="a", pipe_0002="a")
        await bot.catalogue.list_all()
        listings = bot.api.listings
        await bot.catalogue.list_newly_watched()
        assert bot.api.listings == listings
        await bot.watch(TWO)
        bot.api.listing = Unavailable("503: no answer")
        await bot.catalogue.list_newly_watched()
        assert await bot.store.configuration(TWO) is None
        bot.api.listing = None
        for _ in range(3):
            await bot.catalogue.list_newly_watched()
        assert await bot.store.configuration(TWO) is not None
        assert bot.api.listings == listings + 2


async def test_a_steady_fleet_writes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await listed(bot, pipe_0001="a")
        before = await fake_redis.hgetall(ROWS)
        await listed(bot)
        assert await fake_redis.hgetall(ROWS) == before


async def test_a_lost_lease_writes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await listed(bot, pipe_0001="a")
        lost = Lease(name="reader", token="another bot's", since=bot.clock.now(), expires=1e9)
        with pytest.raises(LeadershipLost):
            await bot.store.compare_configurations({ONE: shown("b")}, bot.clock.now() + HOUR, lease=lost)
        assert await changes(bot) == ()


async def test_a_follower_compares_nothing(fake_redis: redis.asyncio.Redis) -> None:
    """A listing of a bot that does not lead may be older than what the leader has seen."""
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        bot.api.configurations[ONE] = shown("a")
        await bot.leadership.release()
        assert bot.leadership.lease is None
        await bot.catalogue.refresh()
        assert await bot.store.configuration(ONE) is None


async def test_an_answer_on_its_way_during_a_newer_one_is_no_change(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        now = bot.clock.now()
        await bot.store.compare_configurations({ONE: shown("a")}, now)
        await bot.store.compare_configurations({ONE: shown("b")}, now + 2 * HOUR)
        await bot.store.compare_configurations({ONE: shown("a")}, now + HOUR)
        (change,) = await changes(bot)
        assert (change.after, change.at) == (now, now + 2 * HOUR)


async def test_after_a_rollback_a_change_keeps_its_time_or_says_that_it_is_unknown(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        now = bot.clock.now()
        await bot.store.compare_configurations({ONE: shown("a")}, now)
        (backup,) = (await fake_redis.hgetall(ROWS)).values()
        edited = replace(shown("b"), updated_at=now + HOUR)
        await bot.store.compare_configurations({ONE: edited}, now + 2 * HOUR)
        await fake_redis.hset(ROWS, ONE, backup)
        await bot.store.compare_configurations({ONE: edited}, now + 3 * HOUR)
        (change,) = await changes(bot)
        assert (change.at, change.exact) == (now + HOUR, True)
        await fake_redis.hset(ROWS, ONE, backup)
        await bot.store.compare_configurations({ONE: shown("b")}, now + 30 * HOUR)
        row = await bot.store.configuration(ONE)
        assert changes_before(row, now + 30 * HOUR) == ()  # it may be older than a day
        await fake_redis.delete(ROWS)
        await bot.store.compare_configurations({ONE: shown("c")}, now + 31 * HOUR)
        assert await changes(bot) == ()


async def test_rows_that_no_listing_renews_go(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        old = bot.clock.now() - UNSEEN_FOR - HOUR
        await bot.store.compare_configurations({ONE: shown("a"), TWO: shown("a")}, old)
        await bot.store.compare_configurations({TWO: shown("a")}, bot.clock.now())
        await bot.configurations.forget_old()
        assert await bot.store.configuration(ONE) is None
        assert await bot.store.configuration(TWO) is not None
