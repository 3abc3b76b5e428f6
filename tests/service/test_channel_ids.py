"""Slack gives a channel a new id, with the whole bot running. Posted messages still carry the old keys."""

from dataclasses import dataclass

import pytest
import redis.asyncio

from bot.domain.answer import Fate
from bot.domain.card import Card, ThreadEntry
from bot.domain.delivery import Unknown
from bot.domain.phase import Phase
from bot.domain.watch import ChannelId
from tests.builders import ALERTS, ANN, TEAM
from tests.fakes import FakeChat, FakeClock
from tests.service.test_delivery_in_trouble import read
from tests.service.test_dispatcher import sending
from tests.service.test_heartbeat import whole
from tests.service.test_poller import FAILED, LIVE, ONE
from tests.stores import WholeStore

NEW = ChannelId("C0NEW")


@dataclass(frozen=True, slots=True)
class Rig:
    store: WholeStore
    chat: FakeChat
    clock: FakeClock

    async def pass_time(self, seconds: float) -> None:
        async with sending(self.store, self.chat, self.clock):
            await self.clock.pass_time(seconds)

    async def tell(self, phase: Phase) -> None:
        await read(self.store, 1, 1, Phase.RUNNING)
        await read(self.store, 1, 2, phase, ready=0)


@pytest.fixture
def rig(fake_redis: redis.asyncio.Redis) -> Rig:
    clock = FakeClock()
    return Rig(WholeStore(fake_redis, TEAM, clock), FakeChat(), clock)


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.FAILED])
async def test_a_message_in_doubt_is_found_after_the_channel_id_changes(rig: Rig, phase: Phase) -> None:
    await rig.tell(phase)
    rig.chat.answers = [(Unknown("no answer"), True)]
    await rig.pass_time(1)
    assert len(rig.chat.posts) == 1
    await rig.clock.pass_time(20)
    await rig.store.rename_channel(ALERTS, NEW)
    await rig.pass_time(200)
    assert len(rig.chat.posts) == 1


async def test_the_later_duplicate_is_deleted_after_the_channel_id_changes(rig: Rig) -> None:
    await rig.tell(Phase.PAUSED)
    rig.chat.answers = [(Unknown("no answer"), False)]
    await rig.pass_time(40)
    ((row, content, _),) = rig.chat.posts
    await rig.clock.pass_time(20)
    rig.chat.land("9999.0", row, content)
    await rig.store.rename_channel(ALERTS, NEW)
    await rig.pass_time(200)
    assert rig.chat.deleted == ["9999.0"]


async def test_a_failure_is_acknowledged_on_its_card_after_the_channel_id_changes(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        (row,) = (row for row, content, _ in world.chat.posts if isinstance(content, Card))
        await world.bot.store.rename_channel(ALERTS, NEW)
        await world.bot.repository.catch_up()
        answer = await world.bot.requests.acknowledgements.acknowledge(NEW, ONE, row.id, ANN)
        assert answer.fate is Fate.ACKNOWLEDGED
        await world.bot.poll(20)
        (drawn,) = (
            (delivery.receiver.channel, ts) for delivery, content, ts in world.chat.updates if isinstance(content, Card)
        )
        assert drawn == (NEW, world.chat.there[row.id])


async def test_two_cards_under_both_ids_are_updated_and_the_end_is_shown_once(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        await world.bot.watch(ONE, channel=NEW)
        await world.bot.repository.welcome([NEW])
        await world.bot.poll(20)
        cards = {world.chat.there[row.id] for row, content, _ in world.chat.posts if isinstance(content, Card)}
        assert len(cards) == 2
        await world.bot.store.rename_channel(ALERTS, NEW)
        world.bot.api.statuses[ONE] = LIVE
        await world.bot.poll(60)
        ended = [(row.receiver.channel, ts) for row, card, ts in world.chat.updates if isinstance(card, Card)]
        assert sorted(ended) == sorted((NEW, ts) for ts in cards)
        lines = [(line, ts) for _, line, ts in world.chat.posts if isinstance(line, ThreadEntry)]
        assert {ts for _, ts in lines} == cards
        assert [line.broadcast for line, _ in lines] == [True, False]
