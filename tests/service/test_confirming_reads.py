"""`confirm 2`: the scheduler reads a failed pipeline again soon, and that reading alerts the channel."""

from dataclasses import replace

import redis.asyncio

from bot.domain.card import Card
from bot.domain.watch import ChannelId
from tests.builders import ALERTS, a_watch
from tests.contract.test_store import an_announcement
from tests.service.test_heartbeat import Whole, whole
from tests.service.test_poller import FAILED, LIVE, ONE

OTHER = ChannelId("C0OTHER")
STEP = 0.25


async def watched(world: Whole) -> None:
    watches = [replace(a_watch(ONE), confirm=2), a_watch(ONE, channel=OTHER)]
    for watch in watches:
        await world.bot.store.add_watches([watch], an_announcement(f"hello {watch.channel}", watch.channel))
    await world.bot.repository.refresh_watches()
    await world.bot.poll(60)


async def seconds_until_card(world: Whole, channel: ChannelId) -> float:
    seconds = 0.0
    while not any(isinstance(content, Card) and row.receiver.id == channel for row, content, _ in world.chat.posts):
        assert seconds < 60
        await world.bot.poll(STEP)
        seconds += STEP
    return seconds


async def test_a_second_reading_within_four_seconds_alerts_the_channel(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, 1) as world:
        await watched(world)
        world.bot.api.statuses[ONE] = FAILED
        await seconds_until_card(world, OTHER)
        assert 2 <= await seconds_until_card(world, ALERTS) <= 4


async def test_a_failure_of_one_reading_stays_out_of_the_channel(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, 1) as world:
        await watched(world)
        world.bot.api.statuses[ONE] = FAILED
        await seconds_until_card(world, OTHER)
        world.bot.api.statuses[ONE] = LIVE
        await world.bot.poll(60)
    assert {row.receiver.id for row, content, _ in world.chat.posts if isinstance(content, Card)} == {OTHER}
