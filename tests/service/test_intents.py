"""A listing older than the phase does not prove a user's intent."""

from dataclasses import replace

import redis.asyncio

from bot.domain.phase import Intent, Phase, drifts
from bot.ports.pipeline_api import Status, Throttled
from tests.builders import ALERTS
from tests.service.test_poller import LIVE, ONE, Bot, pipelines, running

PAUSED = Status(phase=Phase.PAUSED, replicas=0, ready=0)


def becomes(bot: Bot, intent: Intent, status: Status) -> None:
    bot.api.pipelines[ONE] = replace(bot.api.pipelines[ONE], intent=intent)
    bot.api.statuses[ONE] = status


def contradicted(bot: Bot) -> bool:
    return drifts(bot.repository.pipeline(ONE).intent, bot.repository.record(ONE).state.phase)


async def test_a_resumed_pipeline_is_not_meant_to_be_paused(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await bot.catalogue.refresh()
        await bot.poll(20)
        for _ in range(3):
            becomes(bot, Intent.PAUSED, PAUSED)
            await bot.poll(20)
            assert bot.repository.pipeline(ONE).intent is Intent.PAUSED
            becomes(bot, Intent.RUNNING, Status(phase=Phase.DEPLOYING, replicas=1, ready=0))
            await bot.poll(61)
            assert not contradicted(bot)
            bot.api.statuses[ONE] = LIVE
            await bot.poll(10)
            assert not contradicted(bot)
        assert len(bot.api.asked) == 6  # once per ambiguous change


async def test_the_intent_is_requested_until_it_is_known(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await bot.catalogue.refresh()
        becomes(bot, Intent.PAUSED, PAUSED)
        await bot.poll(20)
        becomes(bot, Intent.RUNNING, LIVE)
        bot.api.refusal = Throttled("GoldRush answered 429.", retry_after=60.0)
        await bot.poll(62)
        assert not contradicted(bot)  # an unknown intent contradicts nothing
        assert bot.repository.record(ONE).state.phase == Phase.RUNNING


async def test_a_true_contradiction_is_reported(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await bot.catalogue.refresh()
        await bot.poll(20)
        bot.api.statuses[ONE] = PAUSED
        await bot.poll(20)
        assert contradicted(bot)
        requests = len(bot.api.asked)
        await bot.poll(300)
        assert len(bot.api.asked) == requests  # the listing keeps the intent current from now on


async def test_an_answer_shows_the_current_intent(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await bot.catalogue.refresh()
        await bot.poll(20)
        bot.api.statuses[ONE] = PAUSED
        await bot.poll(20)
        becomes(bot, Intent.PAUSED, PAUSED)
        bot.clock.seconds += 11
        (view,) = (await bot.requests.queries.status(ALERTS, [ONE])).views
        assert view.pipeline.intent is Intent.PAUSED
