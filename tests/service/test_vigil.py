"""A store that forgets, a time in which nobody looked, another bot that reads: on a clock turned by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
import redis.asyncio

from bot.delivery.courier import Surroundings
from bot.delivery.doubt import Doubt
from bot.delivery.pace import Pace
from bot.delivery.parking import Parking
from bot.delivery.sender import Sender
from bot.domain.card import Card, Notice, NoticeKind
from bot.domain.delivery import Refusal, Refused
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, ParkReason
from bot.ports import StoreAway
from tests.builders import ALERTS, ANN, TEAM
from tests.fakes import FakeChat
from tests.rollback import go_back, snapshot
from tests.service.test_poller import FAILED, LIVE, ONE, OPERATOR, TWO, Bot, pipelines, running
from tests.stores import WholeStore

FALLBACK = ChannelId("C0FALLBACK")


@dataclass
class Whole:
    """A bot that reads and sends."""

    bot: Bot
    chat: FakeChat
    parking: Parking

    def told(self, kind: type[object] = Card) -> list[object]:
        return [content for _, content, _ in self.chat.posts if isinstance(content, kind)]

    def notices(self, kind: NoticeKind) -> list[Notice]:
        return [each for each in self.told(Notice) if isinstance(each, Notice) and each.kind is kind]


@asynccontextmanager
async def whole(
    fake_redis: redis.asyncio.Redis,
    count: int = 2,
    *,
    operator: ChannelId | None = None,
    fallback: ChannelId | None = None,
    chat: FakeChat | None = None,
    before: Bot | None = None,
) -> AsyncIterator[Whole]:
    chat = chat or FakeChat()
    wake = asyncio.Event()
    known = () if before else pipelines(count)
    clock, api = (before.clock, before.api) if before else (None, None)
    async with running(fake_redis, *known, operator=operator, fallback=fallback, clock=clock, api=api) as bot:
        doubt = Doubt(bot.clock)
        bot.vigil._in_doubt = doubt.arise
        parking = Parking(store=bot.store, chat=chat, clock=bot.clock, wake=wake, fallback=fallback)
        around = Surroundings(
            outbox=bot.store.outbox,
            chat=chat,
            clock=bot.clock,
            pace=Pace(bot.clock),
            doubt=doubt,
            parking=parking,
            team=TEAM,
        )
        sender = Sender(around, wake)
        sending = asyncio.create_task(sender.run())
        yield Whole(bot, chat, parking)
        sender.stop()
        while not sending.done():
            await bot.clock.pass_time(1)
        await sending


async def test_a_store_that_forgot_a_posted_failure_does_not_make_it_posted_again(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE, TWO)
        await world.bot.poll(20)
        old = await snapshot(fake_redis)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        assert len(world.told()) == 1
        await go_back(fake_redis, old)
        await world.bot.poll(60)
        assert len(world.told()) == 1
        world.bot.api.statuses[ONE] = LIVE  # and the story goes on where it was
        await world.bot.poll(40)
        assert len(world.told()) == 1
        shown = world.chat.updates[-1][1]
        assert isinstance(shown, Card)
        assert not shown.episode.open


async def test_nothing_is_sent_between_the_loss_and_its_notice(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        world.bot.api.statuses[ONE] = FAILED
        world.chat.answers = [(Refused(kind=Refusal.NOT_SENT, error="no connection"), False)] * 3
        await world.bot.poll(16)
        old = await snapshot(fake_redis)
        await world.bot.poll(40)
        assert len(world.told()) == 1
        posts = len(world.chat.posts)
        await go_back(fake_redis, old)
        await world.bot.clock.pass_time(30)  # the sender works on; nobody has looked after the store
        assert len(world.chat.posts) == posts
        await world.bot.poll(40)
        assert len(world.told()) == 1


@pytest.mark.parametrize("operator", [OPERATOR, None])
async def test_watches_that_are_gone_are_told_loudly_and_stay_gone(
    fake_redis: redis.asyncio.Redis, operator: ChannelId | None
) -> None:
    async with whole(fake_redis, operator=operator) as world:
        await world.bot.watch(ONE, TWO)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(40)
        assert len(world.told()) == 1
        await fake_redis.flushall()
        await world.bot.poll(40)
        (notice,) = world.notices(NoticeKind.ROLLED_BACK)
        assert {watch.reference for watch in notice.watches} == {ONE, TWO}
        where = [delivery.channel for delivery, content, _ in world.chat.posts if content is notice]
        assert where == [operator or ALERTS]
        assert (await world.bot.store.watches()).all == ()
        await world.bot.watch(ONE)  # whoever watches again finds the card that is there
        await world.bot.poll(60)
        assert len(world.told()) == 1


async def test_a_loss_is_dealt_with_to_the_end_also_where_the_store_goes_away_midway(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with whole(fake_redis, operator=OPERATOR) as world:
        await world.bot.watch(ONE, TWO)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(40)
        await fake_redis.flushall()
        for method in ("records", "save_catalogue", "tell"):
            away_once(world.bot.store, method, monkeypatch)
        for _ in range(5):
            with suppress(StoreAway):
                await world.bot.vigil.look()
        await world.bot.poll(40)
        (notice,) = world.notices(NoticeKind.ROLLED_BACK)
        assert {watch.reference for watch in notice.watches} == {ONE, TWO}


async def test_a_turn_begun_while_the_store_goes_away_is_begun_in_full(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with whole(fake_redis) as first:
        await first.bot.watch(ONE, TWO)
        await first.bot.poll(20)
        await first.bot.turn.give_up()
    async with whole(fake_redis, before=first.bot, chat=first.chat) as second:
        await second.bot.turn.give_up()
        second.bot.poller.epoch = 0  # as of a bot that stood by
        away_once(second.bot.store, "beat", monkeypatch)
        with pytest.raises(StoreAway):
            await second.bot.vigil.look()
        second.bot.api.statuses[ONE] = FAILED
        await second.bot.poll(40)
        assert len(second.told()) == 1


def away_once(store: WholeStore, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next call of it fails."""
    there = getattr(store, method)

    async def away(*args: object, **kwargs: object) -> object:
        monkeypatch.setattr(store, method, there)
        raise StoreAway("no answer")

    monkeypatch.setattr(store, method, away)


async def test_a_long_absence_is_told_with_what_changed_meanwhile(fake_redis: redis.asyncio.Redis) -> None:
    chat = FakeChat()
    async with whole(fake_redis, operator=OPERATOR, chat=chat) as first:
        await first.bot.watch(ONE, TWO)
        await first.bot.poll(20)
    first.bot.api.statuses[ONE] = FAILED
    await first.bot.clock.pass_time(1800)
    async with whole(fake_redis, operator=OPERATOR, chat=chat, before=first.bot) as second:
        await second.bot.poll(30)
        (notice,) = second.notices(NoticeKind.BLIND)
        assert notice.since is not None
        assert (notice.at - notice.since).total_seconds() > 1800
        (missed,) = notice.missed
        assert missed.pipeline.id == ONE
        assert missed.counts == {Event.FAILED: 1}
        await second.bot.poll(60)
        assert len(second.notices(NoticeKind.BLIND)) == 1


async def test_a_short_absence_is_not_worth_a_word(fake_redis: redis.asyncio.Redis) -> None:
    chat = FakeChat()
    async with whole(fake_redis, operator=OPERATOR, chat=chat) as first:
        await first.bot.watch(ONE)
        await first.bot.poll(20)
    await first.bot.clock.pass_time(60)
    async with whole(fake_redis, operator=OPERATOR, chat=chat, before=first.bot) as second:
        await second.bot.poll(60)
        assert second.notices(NoticeKind.BLIND) == []


async def test_a_process_that_stood_still_says_so_too(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, operator=OPERATOR) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        await world.bot.clock.pass_time(900)
        await world.bot.poll(60)
        assert len(world.notices(NoticeKind.BLIND)) == 1


async def test_what_a_resting_channel_watches_is_heard_in_the_fallback_until_it_wakes(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis, fallback=FALLBACK) as world:
        await world.bot.watch(ONE, TWO)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        await world.parking.park(ALERTS, ParkReason.ARCHIVED)
        await world.bot.poll(10)
        (notice,) = world.notices(NoticeKind.PARKED)
        assert notice.instead == FALLBACK
        cards = [(row.channel, content) for row, content, _ in world.chat.posts if isinstance(content, Card)]
        where = [(channel, card.pipeline.id) for channel, card in cards]
        assert where == [(ALERTS, ONE), (FALLBACK, ONE)]  # what is wrong now opens there at once
        world.bot.api.statuses[TWO] = FAILED
        await world.bot.poll(20)
        assert world.chat.posts[-1][0].channel == FALLBACK
        await world.parking.wake(ALERTS)
        world.bot.api.statuses[TWO] = LIVE
        await world.bot.poll(40)
        assert {delivery.channel for delivery, _, _ in world.chat.posts} == {ALERTS, FALLBACK, ChannelId(f"D{ANN}")}
        assert (await world.bot.store.watches()).parked == {}
