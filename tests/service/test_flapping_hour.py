"""Counts the messages and pages about one pipeline that flaps: docs/proofs.md has the figures."""

from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice

import pytest
import redis.asyncio

from bot.domain.card import Card, ThreadEntry, TimelineBatch
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId
from bot.paging.timers import PageTimers
from tests.builders import ALERTS, a_person, a_watch
from tests.contract.test_store import an_announcement
from tests.service.test_heartbeat import Whole, whole
from tests.service.test_poller import FAILED, LIVE, ONE

DIRECT = ChannelId("D0BOB")
TURN = 5.0  # seconds: as often as the bot reads a steady pipeline
CALM = 600.0


class Flapping:
    """One channel watches one pipeline. A failure pages Bob, in the channel and by a direct message."""

    def __init__(self, world: Whole) -> None:
        self.world = world
        self.timers = PageTimers(world.bot.repository, world.bot.leadership, world.bot.clock)

    async def begin(self) -> None:
        watch = a_watch(ONE, targets=(a_person("U0BOB", direct=DIRECT),))
        await self.world.bot.store.add_watches([watch], an_announcement("hello", ALERTS))
        await self.world.bot.repository.refresh_watches()
        await self.live_through(60)
        self.world.chat.posts.clear()
        self.world.chat.updates.clear()

    async def live_through(self, seconds: float) -> None:
        for _ in range(round(seconds / TURN)):
            await self.world.bot.poll(TURN)
            await self.timers.serve()

    async def change(self, times: int, every: float) -> None:
        for status in islice(cycle((FAILED, LIVE)), times):
            self.world.bot.api.statuses[ONE] = status
            await self.live_through(every)

    def counts(self, conversation: ChannelId) -> Counter[str]:
        """New messages by kind. Only the first three kinds notify people."""
        return Counter(
            kind
            for row, content, _ in self.world.chat.posts
            if row.receiver.id == conversation
            for kind in _kinds(content)
        )

    def updates(self, conversation: ChannelId) -> int:
        return sum(row.receiver.id == conversation for row, _, _ in self.world.chat.updates)


def _kinds(content: object) -> Iterator[str]:
    match content:
        case Card():
            yield "cards"
        case ThreadEntry(broadcast=True) | TimelineBatch(broadcast=True):
            yield "lines"
        case Notice(kind=NoticeKind.CALL_AGAIN):
            yield "calls"
        case ThreadEntry() | TimelineBatch():
            yield "in the thread only"
        case _:
            yield "others"


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
async def test_an_hour_of_flapping_every_20_seconds(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, 1) as world:
        flapping = Flapping(world)
        await flapping.begin()
        await flapping.change(180, every=20)
        await flapping.live_through(CALM)
        episode = world.bot.repository.record(ONE).episode
    assert flapping.counts(ALERTS) == flapping.counts(DIRECT) == {"cards": 1, "lines": 6}
    assert flapping.updates(ALERTS) <= 70
    assert episode
    assert (episode.times, episode.open) == (90, False)


async def test_forty_five_alternating_readings_page_once_more_because_it_stays_failed(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis, 1) as world:
        flapping = Flapping(world)
        await flapping.begin()
        await flapping.change(45, every=5)
        await flapping.live_through(CALM)
        episode = world.bot.repository.record(ONE).episode
    assert flapping.counts(ALERTS) == flapping.counts(DIRECT) == {"cards": 1, "lines": 6, "calls": 1}
    assert episode
    assert (episode.times, episode.open) == (23, True)


async def test_in_the_band_the_card_shows_the_latest_change_within_a_minute(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, 1) as world:
        flapping = Flapping(world)
        await flapping.begin()
        await flapping.change(45, every=5)
        await flapping.live_through(60)
        shown = [content for row, content, _ in world.chat.updates if row.receiver.id == ALERTS]
        record = world.bot.repository.record(ONE)
    card = shown[-1]
    assert isinstance(card, Card)
    assert record.episode
    assert record.episode.flapping
    assert (card.episode.times, card.revision) == (23, record.episode.revision)
