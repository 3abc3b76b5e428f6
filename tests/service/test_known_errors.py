"""The bot recognises an error that it has seen before: over a real Redis."""

from datetime import timedelta

import redis.asyncio

from bot.domain.diagnosis import Diagnosis, LogOutcome
from bot.domain.observation import PipelineId
from bot.domain.seen_before import KEPT_FOR_DAYS, Occurrence
from bot.monitoring.known_errors import KnownErrors
from tests.builders import TEAM
from tests.service.test_poller import FAILED, LIVE, ONE, TWO, Bot, pipelines, running

ROWS = f"pipeline-bot:{{{TEAM}}}:known_errors"
PRINT, ELSE = "0123456789abcdef", "fedcba9876543210"
HOUR = timedelta(hours=1)


def known_errors(bot: Bot) -> KnownErrors:
    return KnownErrors(repository=bot.repository, store=bot.store, history=bot.store, clock=bot.clock)


async def diagnosed(bot: Bot, pipeline_id: PipelineId, fingerprint: str = PRINT) -> Diagnosis:
    episode = bot.repository.record(pipeline_id).episode
    began_at = episode.began_at if episode and episode.open else bot.clock.now()
    diagnosis = Diagnosis(at=bot.clock.now(), began_at=began_at, log=LogOutcome.READ, fingerprint=fingerprint)
    return await known_errors(bot).add_seen_before(pipeline_id, diagnosis)


async def test_the_next_failure_tells_how_the_one_before_ended(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.catalogue.refresh()
        await bot.watch("orders-*")
        await bot.poll(20)
        bot.api.statuses[ONE] = FAILED
        await bot.poll(10)
        episode = bot.repository.record(ONE).episode
        assert episode is not None
        assert (await diagnosed(bot, ONE)).seen is None
        bot.api.statuses[ONE] = LIVE
        await bot.poll(30)
        ended = bot.repository.record(ONE).episode
        assert ended is not None
        assert ended.closed_at is not None
        await bot.clock.pass_time(7200)
        other = await diagnosed(bot, TWO)
        assert other.seen is not None
        assert (other.seen.name, other.seen.at, other.seen.occurrences) == ("orders-1", episode.began_at, 1)
        assert other.seen.recovered_after == ended.closed_at - episode.began_at
        assert (await diagnosed(bot, TWO, ELSE)).seen is None


async def test_an_error_without_a_fingerprint_is_not_kept(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        assert (await diagnosed(bot, ONE, "")).seen is None
        assert await fake_redis.exists(ROWS) == 0


async def test_old_errors_go_and_the_oldest_beyond_the_limit(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        now = bot.clock.now()
        for number, age in enumerate((timedelta(), HOUR, 2 * HOUR, KEPT_FOR_DAYS + HOUR)):
            failure = Occurrence(pipeline_id=ONE, name="orders-1", began_at=now - age)
            await bot.store.add_occurrence(str(number), failure)
        await known_errors(bot).forget_old()
        assert await fake_redis.hkeys(ROWS) == [b"0", b"1", b"2"]
        await bot.store.forget_errors(now - KEPT_FOR_DAYS, 2)
        assert await fake_redis.hkeys(ROWS) == [b"0", b"1"]


async def test_two_bots_lose_no_failure(fake_redis: redis.asyncio.Redis) -> None:
    """Another process writes between the read and the write of this one."""
    async with running(fake_redis, *pipelines(1)) as bot:
        now = bot.clock.now()
        await bot.store.add_occurrence(PRINT, Occurrence(pipeline_id=ONE, name="orders-1", began_at=now))
        rows = bot.store._errors
        later = Occurrence(pipeline_id=ONE, name="orders-1", began_at=now + 5 * HOUR)
        between = await rows._read([PRINT])
        await bot.store.add_occurrence(PRINT, later)
        assert between != await rows._read([PRINT])
        await rows._scripts.run("replace_rows", [ROWS, "none"], ["", PRINT, between[PRINT][0], "lost"])
        known = await rows.read([PRINT])
        assert known[PRINT].occurrences[-1] == later
