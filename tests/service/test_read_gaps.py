"""A time without readings, much longer than promised, is a part of a pipeline's state."""

import pytest
import redis.asyncio

from bot.domain.cadence import Cadence
from bot.domain.phase import Phase
from bot.domain.transition import ReadGap
from bot.monitoring.promise import STABLE_SECONDS
from bot.monitoring.scheduler import TICK_SECONDS
from bot.ports.pipeline_api import Status
from tests.builders import ALERTS
from tests.fakes import FakeApi, FakeClock
from tests.service.test_poller import FAILED, ONE, Bot, pipelines, running

AWAY = 1800


def gap(bot: Bot) -> ReadGap | None:
    return bot.repository.record(ONE).state.gap


async def test_a_gap_survives_the_bot_and_ends_up_on_the_card_of_a_failure(fake_redis: redis.asyncio.Redis) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(1))
    async with running(fake_redis, clock=clock, api=api) as bot:
        await bot.watch(ONE)
        await bot.poll(600)
        last = bot.repository.all_read_since
    clock.seconds += AWAY
    async with running(fake_redis, clock=clock, api=api) as bot:
        await bot.poll(2)
        found = gap(bot)
        assert found is not None
        assert last is not None
        assert abs((found.since - last).total_seconds()) < 5
        assert (found.until - found.since).total_seconds() > AWAY
        await bot.poll(300)
        assert gap(bot) == found  # later readings leave it
    async with running(fake_redis, clock=clock, api=api) as bot:
        api.statuses[ONE] = FAILED
        await bot.poll(10)
        rows = await bot.store.owed(ALERTS)
        cards = await bot.store.cards([row.body.card_key for row in rows if hasattr(row.body, "card_key")])
        assert [card.content.state.gap for card in cards.values()] == [found]
        (card,) = cards.values()
        healthy = card.content.episode.healthy
        assert healthy is not None
        assert healthy.read_until is None  # the last reading before the failure was no older than promised


async def test_readings_at_the_usual_pace_leave_no_gap_and_cost_no_comparison(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[object] = []

    async def record(*read: object, **_: object) -> None:
        compared.append(read)

    async with running(fake_redis, *pipelines(30), rate=1.0) as bot:
        await bot.watch(*(pipeline.id for pipeline in pipelines(30)))
        await bot.poll(40)
        monkeypatch.setattr(bot.recorder, "record", record)
        await bot.poll(600)
        assert compared == []
        assert {record.state.gap for record in bot.repository.records} == {None}


@pytest.mark.parametrize(("promised", "number"), [(10.0, 300), (60.0, 300), (10.0, 60)])
async def test_a_card_says_how_long_a_pipeline_was_not_read_while_the_promise_is_broken(
    fake_redis: redis.asyncio.Redis, promised: float, number: int
) -> None:
    cadence = Cadence(promised_seconds=promised)
    async with running(fake_redis, *pipelines(number), rate=4.0, cadence=cadence) as bot:
        await bot.watch(*(pipeline.id for pipeline in pipelines(number)))
        await bot.poll(STABLE_SECONDS + promised + number / 4)
        assert bot.scheduler.lateness() is not None
        written = bot.repository.record(ONE).version
        reads = bot.api.reads.count(ONE)
        while bot.api.reads.count(ONE) == reads:
            await bot.poll(TICK_SECONDS)
        assert bot.repository.record(ONE).version == written  # a late reading without a change costs no write
        last = bot.clock.now()
        bot.api.statuses[ONE] = FAILED
        await bot.poll(1.5 * number / 4)
        found = gap(bot)
        assert found is not None
        assert abs((found.since - last).total_seconds()) < 1
        assert (found.until - found.since).total_seconds() >= promised
        rows = await bot.store.owed(ALERTS)
        cards = await bot.store.cards([row.body.card_key for row in rows if hasattr(row.body, "card_key")])
        (card,) = cards.values()
        assert card.content.state.gap == found


async def test_a_paused_pipeline_has_no_gap_before_its_own_promised_age(fake_redis: redis.asyncio.Redis) -> None:
    cadence = Cadence(promised_seconds=10.0, at_rest_seconds=300.0)
    api = FakeApi(*pipelines(300))
    api.statuses[ONE] = Status(phase=Phase.PAUSED)
    async with running(fake_redis, api=api, rate=4.0, cadence=cadence) as bot:
        await bot.watch(*(pipeline.id for pipeline in pipelines(300)))
        await bot.poll(130)
        assert bot.scheduler.lateness() is not None
        assert (bot.reads.promised(ONE) or 0.0) >= 300
        api.statuses[ONE] = FAILED
        await bot.reads.read_now(ONE)
        await bot.poll(1)
        assert bot.repository.record(ONE).state.phase == Phase.FAILED
        assert gap(bot) is None
