"""`clock.lua` over a real Valkey and fakeredis: Redis' own clock, and the latest time of the bots."""

from datetime import timedelta

import pytest
import redis.asyncio

from bot.store.clock import RedisClock
from bot.store.scripts import Scripts
from tests.builders import TEAM, at

KEY = f"pipeline-bot:{{{TEAM}}}:clock"
HOUR = timedelta(hours=1)


@pytest.fixture
def store(any_redis: redis.asyncio.Redis) -> RedisClock:
    return RedisClock(Scripts(any_redis, TEAM))


async def test_a_first_bot_begins_at_redis_own_clock(store: RedisClock, any_redis: redis.asyncio.Redis) -> None:
    before, _ = await any_redis.time()
    answer = await store.time()
    after, _ = await any_redis.time()
    assert answer.latest == answer.clock
    assert before <= answer.clock.timestamp() <= after + 1


async def test_a_bot_that_only_reads_changes_nothing(store: RedisClock, any_redis: redis.asyncio.Redis) -> None:
    await store.time()
    assert await any_redis.keys() == []
    await store.time(at(0))
    stored = await any_redis.hgetall(KEY)
    await store.time()
    assert await any_redis.hgetall(KEY) == stored


async def test_the_latest_time_is_kept_to_the_microsecond(store: RedisClock) -> None:
    latest = (await store.time()).clock + HOUR + timedelta(microseconds=1)
    assert (await store.time(latest)).latest == latest
    assert (await store.time(latest - HOUR)).latest == latest
    assert (await store.time(latest + HOUR)).latest == latest + HOUR


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
async def test_a_bot_that_starts_is_as_far_from_redis_clock_as_the_others(store: RedisClock, ahead: timedelta) -> None:
    others = await store.time((await store.time()).clock + ahead)
    started = await store.time()
    assert started.latest - started.clock == others.latest - others.clock


async def test_a_clock_that_went_back_takes_no_time_away(store: RedisClock, any_redis: redis.asyncio.Redis) -> None:
    """Here the stored clock goes forward, because nobody can set that of a real server."""
    stored = await store.time(at(0))
    await any_redis.hset(KEY, "clock", int((stored.clock + HOUR).timestamp() * 1e6))
    assert (await store.time()).latest == at(0)
    assert (await store.time(at(0) - HOUR)).latest == at(0)
