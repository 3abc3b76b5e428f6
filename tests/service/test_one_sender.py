"""Several bots that send: one is active, so Slack's limits hold for the workspace, and a page goes first."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import pytest
import redis.asyncio

from bot.coordination.leadership import Leadership
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.doubt import Doubt
from bot.delivery.handover import RENEW_SECONDS, Handover
from bot.delivery.lane_services import LaneServices
from bot.delivery.suspensions import Suspensions
from bot.domain.body import Content
from bot.domain.card import Card
from bot.domain.delivery import Delivery, Outcome
from bot.domain.watch import ChannelId
from bot.ports.lease_store import ACTIVE_SENDER
from bot.ports.rate_limits import Method
from bot.slack.outbound.limits import SLACK_LIMITS
from bot.state.repository import Repository
from bot.store.leases import LEADER_LEASE_SECONDS
from tests.builders import ALERTS, TEAM
from tests.carriers import by_slack
from tests.fakes import FakeChat, FakeClock
from tests.service.test_dispatcher import OTHER, announce, fail, idle
from tests.stores import WholeStore

RATE = SLACK_LIMITS.per_minute[Method.POST] / 60
BURST = SLACK_LIMITS.per_minute[Method.POST] / 3
MANY = [ChannelId(f"C{number:05}") for number in range(120)]
TAKEOVER_SECONDS = LEADER_LEASE_SECONDS + RENEW_SECONDS


class TimedChat(FakeChat):
    """Remembers when each post came, and from which bot."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.times: list[float] = []

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        self.times.append(self._clock.monotonic())
        return await super().post(delivery, content, parent_id=parent_id, now=now)

    def times_in(self, channel: ChannelId) -> Sequence[float]:
        return [
            at for at, (row, _, _) in zip(self.times, self.posts, strict=True) if ChannelId(row.receiver.id) == channel
        ]


class Sender:
    """A bot that only sends."""

    def __init__(self, store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
        wake = asyncio.Event()
        suspensions = Suspensions(
            store=store, repository=Repository(store, wake), conversations=chat, clock=clock, wake=wake, fallback=None
        )
        self.right = Leadership(store, clock, ACTIVE_SENDER)
        services = LaneServices(
            store=store,
            clock=clock,
            doubt=Doubt(clock),
            sending_right=self.right,
            carriers=by_slack(chat, clock, suspensions),
        )
        self._dispatcher = Dispatcher(services, wake)
        self._clock = clock
        self._task = asyncio.create_task(self._dispatcher.run())

    @property
    def handover(self) -> Handover:
        return self._dispatcher._handover

    async def stop(self) -> None:
        self._dispatcher.stop()
        while not self._task.done():
            await self._clock.pass_time(0.1)
        await self._task

    async def kill(self, client: redis.asyncio.Redis) -> None:
        """As `kill -9`: its leases last until their end, which fakeredis only reaches in real time."""
        tokens = {name: await client.get(name) async for name in client.scan_iter("*lease:*")}
        self._task.cancel()
        await asyncio.wait([self._task])
        for name, token in tokens.items():
            await client.set(name, token or "")


async def expire_leases(client: redis.asyncio.Redis) -> None:
    names = [name async for name in client.scan_iter("*lease:*")]
    if names:
        await client.delete(*names)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def chat(clock: FakeClock) -> TimedChat:
    return TimedChat(clock)


@pytest.fixture
def store(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(fake_redis, TEAM, clock)


def assert_within_limits(chat: TimedChat) -> None:
    for channel in {ChannelId(row.receiver.id) for row, _, _ in chat.posts}:
        for earlier, later in pairwise(chat.times_in(channel)):
            assert later - earlier >= SLACK_LIMITS.spacing_seconds - 1e-6, (channel, earlier, later)
    for first, start in enumerate(chat.times):
        for count, end in enumerate(chat.times[first:], 1):
            assert count <= BURST + RATE * (end - start) + 1e-6, (start, end, count)


async def test_two_senders_keep_the_limits_of_one(store: WholeStore, chat: TimedChat, clock: FakeClock) -> None:
    senders = [Sender(store, chat, clock) for _ in range(2)]
    await announce(store, 3, ALERTS)
    await fail(store)
    await announce(store, 1, *MANY)
    await clock.pass_time(40)
    assert len(chat.posts) == 4 + len(MANY)
    assert_within_limits(chat)
    assert [sender.right.is_leader for sender in senders] == [True, False]
    for sender in senders:
        await sender.stop()


async def test_a_page_goes_before_the_feed_of_its_channel(store: WholeStore, chat: TimedChat, clock: FakeClock) -> None:
    senders = [Sender(store, chat, clock) for _ in range(2)]
    await announce(store, 5, ALERTS)
    for _ in range(10):
        if not chat.posts:
            await clock.pass_time(0.1)
    before = len(chat.posts)
    assert before == 1  # the dispatcher polls before the next post is due
    await fail(store)
    await clock.pass_time(10)
    assert isinstance(chat.posts[before][1], Card)
    assert_within_limits(chat)
    for sender in senders:
        await sender.stop()


async def test_a_sender_that_stops_hands_over_at_once_and_the_limits_hold(
    store: WholeStore, chat: TimedChat, clock: FakeClock
) -> None:
    first = Sender(store, chat, clock)
    await clock.pass_time(1)
    second = Sender(store, chat, clock)
    await announce(store, 4, ALERTS)
    await announce(store, 1, *MANY)
    await clock.pass_time(1)
    sent = len(chat.posts)
    assert sent > BURST / 2
    await first.stop()
    stopped_at = clock.monotonic()
    assert second.right.is_leader or not first.right.is_leader
    await clock.pass_time(60)
    assert len(chat.posts) == 4 + len(MANY)
    assert next(at for at in chat.times if at > stopped_at) - stopped_at <= RENEW_SECONDS + 1.0
    assert_within_limits(chat)
    await second.stop()


async def test_a_standby_asks_for_the_right_each_time_however_early_its_timer(
    store: WholeStore, chat: TimedChat, clock: FakeClock
) -> None:
    """The event loop may fire a timer a moment early. Then the standby must not wait for another round."""
    first = Sender(store, chat, clock)
    await clock.pass_time(1)
    second = Sender(store, chat, clock)
    await clock.pass_time(0.1)
    await first.stop()
    assert await second.handover.hold()
    await second.stop()


async def test_after_a_kill_the_next_sender_takes_over_with_empty_buckets(
    fake_redis: redis.asyncio.Redis, store: WholeStore, chat: TimedChat, clock: FakeClock
) -> None:
    first = Sender(store, chat, clock)
    await clock.pass_time(1)
    second = Sender(store, chat, clock)
    await announce(store, 2, *MANY)
    await clock.pass_time(1)
    await first.kill(fake_redis)
    sent = len(chat.posts)
    await fail(store, 1, OTHER)
    await clock.pass_time(LEADER_LEASE_SECONDS)
    assert len(chat.posts) == sent
    await expire_leases(fake_redis)
    expired_at = clock.monotonic()
    await clock.pass_time(RENEW_SECONDS + 0.5)
    assert isinstance(chat.posts[sent][1], Card)  # urgent messages wait for one token only
    assert chat.times[sent] - expired_at <= RENEW_SECONDS + 0.5
    assert len(chat.posts) - sent < BURST / 4
    await clock.pass_time(120)
    assert await idle(store)
    assert_within_limits(chat)
    await second.stop()


async def test_a_frozen_sender_calls_nobody_once_its_right_is_over(
    fake_redis: redis.asyncio.Redis, store: WholeStore, chat: TimedChat, clock: FakeClock
) -> None:
    own_clock = FakeClock()
    frozen = Sender(WholeStore(fake_redis, TEAM, own_clock), chat, own_clock)
    await announce(store, 5, ALERTS)
    await own_clock.pass_time(0.5)
    assert len(chat.posts) == 1
    await expire_leases(fake_redis)
    second = Sender(store, chat, clock)
    await clock.pass_time(7)  # it begins with empty buckets, and the feed leaves some calls to pages
    sent = len(chat.posts)
    assert 1 < sent < 5
    own_clock.seconds += TAKEOVER_SECONDS
    await own_clock.pass_time(5)
    assert len(chat.posts) == sent
    assert not frozen.right.is_leader
    await clock.pass_time(10)
    assert len(chat.posts) == 5
    await frozen.stop()
    await second.stop()


async def test_a_restart_within_a_second_keeps_the_distance_to_the_last_post(
    store: WholeStore, chat: TimedChat, clock: FakeClock
) -> None:
    await announce(store, 3, ALERTS)
    for _ in range(3):
        sender = Sender(store, chat, clock)
        await clock.pass_time(0.3)
        await sender.stop()
    assert len(chat.posts) == 3
    assert_within_limits(chat)
