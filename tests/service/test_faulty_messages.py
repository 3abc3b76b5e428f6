"""A message that Slack never answers, for example with an internal error for its content, delays no other for long."""

from datetime import datetime

import pytest
import redis.asyncio

from bot.domain.body import Content
from bot.domain.card import Card
from bot.domain.delivery import Delivery, Outcome, Unknown
from bot.domain.notice import Notice
from bot.domain.watch import ChannelId
from tests.builders import ALERTS, TEAM
from tests.fakes import FakeChat, FakeClock
from tests.service.test_dispatcher import announce, fail, idle, sending
from tests.stores import WholeStore

OTHER, THIRD = ChannelId("C0OTHER"), ChannelId("C0THIRD")


class Failing(FakeChat):
    """Never answers to a message about the pipeline orders-1, until `mended`."""

    def __init__(self) -> None:
        super().__init__()
        self.mended = False

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        if isinstance(content, Card) and content.pipeline.name == "orders-1" and not self.mended:
            return Unknown("HTTP 500 internal_error")
        return await super().post(delivery, content, parent_id=parent_id, now=now)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def chat() -> Failing:
    return Failing()


@pytest.fixture
def store(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(fake_redis, TEAM, clock)


@pytest.mark.parametrize("alone", [1, 30, 60, 600])
@pytest.mark.parametrize("channel", [ALERTS, OTHER])
async def test_a_message_that_gets_no_answer_delays_a_later_failure_and_notice_only_briefly(
    store: WholeStore, chat: Failing, clock: FakeClock, alone: int, channel: ChannelId
) -> None:
    async with sending(store, chat, clock):
        await fail(store, 1, ALERTS)
        await clock.pass_time(alone)
        await fail(store, 2, channel)
        await announce(store, 1, ALERTS, THIRD)
        await clock.pass_time(45)
        assert {(row.receiver.id, type(content)) for row, content, _ in chat.posts} == {
            (channel, Card),
            (ALERTS, Notice),
            (THIRD, Notice),
        }


async def test_it_goes_out_once_slack_answers_to_it(store: WholeStore, chat: Failing, clock: FakeClock) -> None:
    async with sending(store, chat, clock):
        await fail(store)
        await clock.pass_time(300)
        await announce(store, 1, ALERTS)
        await clock.pass_time(60)
        chat.mended = True
        await clock.pass_time(120)
    assert [type(content) for _, content, _ in chat.posts] == [Notice, Card]
    assert await idle(store)


async def test_two_of_them_delay_no_other_either(store: WholeStore, chat: Failing, clock: FakeClock) -> None:
    async with sending(store, chat, clock):
        await fail(store, 1, ALERTS, OTHER)
        await clock.pass_time(300)
        await fail(store, 2, THIRD)
        await clock.pass_time(45)
    assert [row.receiver.id for row, _, _ in chat.posts] == [THIRD]
