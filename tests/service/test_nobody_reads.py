"""Readers and schedulers come and go: channels hear of it, but not again and again, and answers name it meanwhile."""

import asyncio
import json
from collections import Counter
from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain.card import SyncCard, ThreadEntry
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import API_PIPELINE_ID, ChannelId
from bot.monitoring.api_trouble import ApiTrouble
from bot.monitoring.breaker import NO_READER
from bot.monitoring.outage import reported_problem
from bot.monitoring.scheduler import SILENCE_SECONDS, TICK_SECONDS
from bot.ports.pipeline_api import Unavailable
from bot.ports.store_errors import StoreAway
from bot.slack.render.saved_question import SavedQuestion
from bot.store.keys import Keys
from tests.builders import ALERTS, TEAM
from tests.fakes import FakeApi, FakeClock
from tests.service.test_follower_reads import known, views_without_a_scheduler
from tests.service.test_poller import LIVE, ONE, OPERATOR, TWO, Bot, pipelines, running
from tests.service.test_readers import FarReaders
from tests.unit.rendering import LOOK

MINUTE = 60


async def told(bot: Bot, channel: ChannelId) -> Counter[str]:
    """What the channel hears, without the announcement of its watches: new cards, lines in threads, notices."""
    bodies = [row.body for row in await bot.store.owed(channel)]
    return Counter(
        body.kind.value if isinstance(body, Notice) else "card" if isinstance(body, SyncCard) else "line"
        for body in bodies
        if isinstance(body, SyncCard | ThreadEntry)
        or (isinstance(body, Notice) and body.kind is not NoticeKind.WATCHING)
    )


async def poll(bot: Bot, readers: FarReaders, seconds: float) -> None:
    """Time passes. The readers answer unless they are lost."""
    for _ in range(round(seconds)):
        await bot.poll(1)
        readers.deliver(bot.api, bot.clock)


async def away(bot: Bot, readers: FarReaders, seconds: float) -> None:
    """All readers die."""
    readers.held.clear()
    readers.lost = True
    await poll(bot, readers, seconds)


async def back(bot: Bot, readers: FarReaders, seconds: float) -> None:
    readers.lost = False
    await poll(bot, readers, seconds)


async def change_outage(redis: redis.asyncio.Redis, reason: str, flag: dict[str, bool]) -> None:
    """Writes the row of the outage as another version of the bot would."""
    key = Keys(TEAM)["records"]
    row = json.loads(await redis.hget(key, API_PIPELINE_ID) or "")
    row["episode"]["timeline"][-1]["reason"] = reason
    del row["episode"]["no_reader"]
    row["episode"] |= flag
    await redis.hset(key, API_PIPELINE_ID, json.dumps(row, separators=(",", ":")))


@pytest.mark.parametrize("operator", [None, OPERATOR])
async def test_a_time_without_readers_is_one_card(fake_redis: redis.asyncio.Redis, operator: ChannelId | None) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(2), readers=readers, operator=operator) as bot:
        await bot.watch(ONE, TWO)
        await back(bot, readers, MINUTE)
        await away(bot, readers, 12 * MINUTE)
        assert await told(bot, operator or ALERTS) == {"card": 1}
        await back(bot, readers, 3 * MINUTE)
        assert await told(bot, operator or ALERTS) == {"card": 1, "line": 1}
        if operator:
            assert await told(bot, ALERTS) == {}


@pytest.mark.parametrize(("lost", "there"), [(40, 5), (40, 20), (100, 20)])
async def test_readers_that_come_and_go_cause_no_flood(
    fake_redis: redis.asyncio.Redis, lost: float, there: float
) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(2), readers=readers) as bot:
        await bot.watch(ONE, TWO)
        await back(bot, readers, MINUTE)
        for _ in range(5):
            await away(bot, readers, lost)
            await back(bot, readers, there)
        await back(bot, readers, 2 * MINUTE)
        assert await told(bot, ALERTS) == {"card": 1, "line": 1}


async def test_a_scheduler_that_starts_again_and_again_without_readers_adds_nothing(
    fake_redis: redis.asyncio.Redis,
) -> None:
    clock, api, readers = FakeClock(), FakeApi(*pipelines(2)), FarReaders()
    for _ in range(3):
        async with running(fake_redis, clock=clock, api=api, readers=readers) as bot:
            if not bot.repository.watched:
                await bot.watch(ONE, TWO)
                await back(bot, readers, MINUTE)
            await away(bot, readers, 4 * MINUTE)
            assert await told(bot, ALERTS) == {"card": 1}
    async with running(fake_redis, clock=clock, api=api, readers=readers) as bot:
        await back(bot, readers, 3 * MINUTE)
        assert await told(bot, ALERTS) == {"card": 1, "line": 1}


async def test_a_standby_that_takes_over_at_once_reports_nothing(fake_redis: redis.asyncio.Redis) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(2))
    async with running(fake_redis, clock=clock, api=api, operator=OPERATOR) as one:
        await one.watch(ONE, TWO)
        await one.poll(MINUTE)
        async with running(fake_redis, clock=clock, api=api, operator=OPERATOR) as two:
            await one.leadership.release()
            clock.seconds += 12  # the lease of a killed bot ends
            await two.poll(2 * MINUTE)
            assert two.leadership.is_leader
            assert await told(two, OPERATOR) == {}
            assert await told(two, ALERTS) == {}


async def test_schedulers_that_come_and_go_report_a_long_time_without_any_once(
    fake_redis: redis.asyncio.Redis,
) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(2))
    async with running(fake_redis, clock=clock, api=api) as bot:
        await bot.watch(ONE, TWO)
        await bot.poll(MINUTE)
    for seconds in (2 * MINUTE, 10 * MINUTE, 2 * MINUTE):
        clock.seconds += seconds
        async with running(fake_redis, clock=clock, api=api) as bot:
            await bot.poll(MINUTE)
    assert await told(bot, ALERTS) == {"blind": 1}


async def test_answers_say_that_no_reader_answers(fake_redis: redis.asyncio.Redis) -> None:
    clock, api, readers = FakeClock(), FakeApi(*pipelines(2)), FarReaders()
    async with running(fake_redis, clock=clock, api=api, readers=readers) as one:
        await one.watch(ONE, TWO)
        await back(one, readers, MINUTE)
        async with running(fake_redis, clock=clock, api=api, leader=one.local_leader) as two:
            await away(one, readers, 3 * MINUTE)
            await two.heartbeat.beat()
            views = views_without_a_scheduler(two)
            assert views.outage is not None
            assert views.outage.startswith(NO_READER)
            for view in known(views, two, ONE, TWO):
                assert view.problem == views.outage
                observation = view.state.observation
                assert observation is not None
                age = (clock.now() - observation.observed_at).total_seconds()
                assert 3 * MINUTE <= age <= 3 * MINUTE + 30
            await back(one, readers, 3 * MINUTE)
            await two.heartbeat.beat()
            assert views.outage is None
            assert {view.problem for view in known(views, two, ONE, TWO)} == {None}


async def test_each_answer_warns_until_readers_answer_again(fake_redis: redis.asyncio.Redis) -> None:
    """People read the pipelines meanwhile, but nobody sees their next change."""
    clock, api, readers = FakeClock(), FakeApi(*pipelines(2)), FarReaders()
    async with running(fake_redis, clock=clock, api=api, readers=readers) as one:
        await one.watch(ONE, TWO)
        await back(one, readers, MINUTE)
        async with running(fake_redis, clock=clock, api=api, leader=one.local_leader) as two:
            await away(one, readers, MINUTE)

            async def ask(process: Bot, *names: str) -> str:
                await two.heartbeat.beat()
                question = asyncio.create_task(process.requests.queries.status(ALERTS, names))
                for _ in range(20):
                    await clock.pass_time(0.25)
                    readers.held.clear()
                return LOOK.answer(await question, SavedQuestion()).text

            for _ in range(2):
                for process in (one, two):
                    for names in ((), ("orders-1",), ("orders-2",)):
                        text = await ask(process, *names)
                        assert NO_READER in text
                        assert "last seen RUNNING just now" not in text
                await poll(one, readers, 30)
            await back(one, readers, 2 * MINUTE)
            for process in (one, two):
                assert NO_READER not in await ask(process)


async def store_away() -> None:
    raise StoreAway("away")


@pytest.mark.parametrize("seconds", [8, 40])
async def test_an_outage_of_redis_blames_no_reader(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Reads and results go through Redis. Readers get the full time again after it."""
    readers = FarReaders()
    async with running(fake_redis, *pipelines(2), readers=readers, operator=OPERATOR) as bot:
        await bot.watch(ONE, TWO)
        await back(bot, readers, MINUTE)
        with monkeypatch.context() as patch:
            patch.setattr(bot.repository, "refresh_watches", store_away)
            readers.lost = True
            for _ in range(round(seconds / TICK_SECONDS)):
                await bot.scheduler.tick()
                await bot.clock.pass_time(TICK_SECONDS)
        await bot.leadership.acquire()
        await bot.scheduler.tick()  # before the heartbeat has taken over
        assert bot.scheduler.outage is None
        await poll(bot, readers, SILENCE_SECONDS - 1)
        assert bot.scheduler.outage is None
        await poll(bot, readers, 2 * SILENCE_SECONDS)
        assert bot.scheduler.outage == NO_READER
        assert await told(bot, OPERATOR) == {"card": 1}


async def test_the_notice_does_not_blame_goldrush_for_silent_readers(fake_redis: redis.asyncio.Redis) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(2), readers=readers) as bot:
        await bot.watch(ONE, TWO)
        await back(bot, readers, MINUTE)
        await away(bot, readers, MINUTE)
        assert "Pipelines blind" in await bot.cards()
        await back(bot, readers, 2 * MINUTE)
        assert not any("GoldRush API" in card for card in await bot.cards())


@pytest.mark.parametrize(
    ("reason", "flag"),
    [
        ("Other words of another version.", {"no_reader": True}),
        ("The part of me that reads pipelines doesn't answer. 2 pipelines are not being read.", {}),
    ],
)
async def test_a_stored_time_without_readers_is_recognised_by_another_version(
    fake_redis: redis.asyncio.Redis, reason: str, flag: dict[str, bool]
) -> None:
    """The older version stored words only."""
    clock, api, readers = FakeClock(), FakeApi(*pipelines(2)), FarReaders()
    async with running(fake_redis, clock=clock, api=api, readers=readers) as bot:
        await bot.watch(ONE, TWO)
        await back(bot, readers, MINUTE)
        await away(bot, readers, MINUTE)
    await change_outage(fake_redis, reason, flag)
    async with running(fake_redis, clock=clock, api=api, readers=readers) as bot:
        trouble = ApiTrouble(repository=bot.repository, breaker=bot.scheduler._breaker, leadership=bot.leadership)
        await bot.heartbeat.beat()
        assert trouble.current() is None  # GoldRush is not to blame
        bot.repository.count_as_read(clock.now() + timedelta(minutes=1))
        assert reported_problem(bot.repository, clock.now() + timedelta(minutes=1)) == reason
        await back(bot, readers, 2 * MINUTE)
        assert not any("GoldRush API" in card for card in await bot.cards())


async def test_a_notice_blames_the_readers_once_they_are_silent(fake_redis: redis.asyncio.Redis) -> None:
    """GoldRush failed first, and the notice of that is still open."""
    readers = FarReaders()
    async with running(fake_redis, *pipelines(4), readers=readers) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await back(bot, readers, MINUTE)
        bot.api.statuses |= dict.fromkeys(bot.api.statuses, Unavailable("GoldRush didn't answer within 5 s."))
        await back(bot, readers, MINUTE)
        assert await bot.cards() == ["GoldRush API blind"]
        bot.api.statuses |= dict.fromkeys(bot.api.statuses, LIVE)
        while bot.scheduler.outage:
            await poll(bot, readers, 1)
        await away(bot, readers, MINUTE)
        assert await bot.cards() == ["Pipelines blind"]
