"""Two dispatchers over a real Redis keep Slack's limits together, also after one of them died. Limits are shortened."""

import asyncio
from itertools import pairwise

import pytest
import redis.asyncio

from bot.clock import StoreClock
from bot.coordination.leadership import Leadership
from bot.delivery import dispatcher, handover
from bot.delivery.carrier import Carrier
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.doubt import Doubt
from bot.delivery.lane_services import LaneServices
from bot.delivery.rate_limiter import RateLimiter
from bot.delivery.suspensions import Suspensions
from bot.domain.card import Card
from bot.domain.delivery import SLACK, Receiver
from bot.ports.clock import Clock
from bot.ports.lease_store import ACTIVE_SENDER
from bot.ports.rate_limits import Method, RateLimits
from bot.state.repository import Repository
from bot.store.clock import RedisClock
from bot.store.scripts import Scripts
from tests.builders import ALERTS, TEAM
from tests.fakes import FakeChat
from tests.service.test_dispatcher import announce, fail
from tests.stores import WholeStore

SPACING = 0.3
LIMITS = RateLimits(per_minute=dict.fromkeys(Method, 1200), spacing_seconds=SPACING, call_seconds=6.0)
MESSAGES = 6
RARELY, OFTEN = 0.3, 0.02  # seconds between two polls: the second dispatcher would find a new lane before the first


class TimedLimiter(RateLimiter):
    """Remembers when it let each call go."""

    def __init__(self, clock: Clock, times: list[float]) -> None:
        super().__init__(clock, LIMITS)
        self._times = times

    def record_send(self, receiver: Receiver, method: Method) -> None:
        super().record_send(receiver, method)
        self._times.append(self._sent_at[receiver])


class TimedChat(FakeChat):
    """Knows when its senders made each call."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    async def until(self, count: int) -> None:
        while len(self.posts) < count:
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(dispatcher, "RENEW_SECONDS", 0.1)


async def a_sender(client: redis.asyncio.Redis, chat: TimedChat, poll_seconds: float) -> tuple[WholeStore, Dispatcher]:
    clock = await StoreClock.start(RedisClock(Scripts(client, TEAM)))
    store, wake = WholeStore(client, TEAM, clock), asyncio.Event()
    suspensions = Suspensions(
        store=store, repository=Repository(store, wake), conversations=chat, clock=clock, wake=wake, fallback=None
    )
    services = LaneServices(
        store=store,
        clock=clock,
        doubt=Doubt(clock),
        sending_right=Leadership(store, clock, ACTIVE_SENDER),
        carriers={SLACK: Carrier(chat=chat, limiter=TimedLimiter(clock, chat.times), suspender=suspensions)},
    )
    return store, Dispatcher(services, wake, poll_seconds=poll_seconds)


def assert_spaced(chat: TimedChat) -> None:
    gaps = [later - earlier for earlier, later in pairwise(chat.times)]
    assert min(gaps) >= SPACING - 1e-6, gaps


async def test_two_dispatchers_share_one_channel_and_a_page_goes_first(valkey: redis.asyncio.Redis) -> None:
    chat = TimedChat()
    (store, first), (_, second) = await a_sender(valkey, chat, RARELY), await a_sender(valkey, chat, OFTEN)
    await announce(store, MESSAGES, ALERTS)
    running = [asyncio.create_task(sender.run()) for sender in (first, second)]
    await chat.until(2)
    await fail(store)
    await chat.until(MESSAGES + 1)
    for sender in (first, second):
        sender.stop()
    await asyncio.gather(*running)
    assert_spaced(chat)
    places = [place for place, (_, content, _) in enumerate(chat.posts) if isinstance(content, Card)]
    assert len(places) == 1
    assert places[0] < MESSAGES  # the rest of the feed waits for it
    assert len({row.id for row, _, _ in chat.posts}) == MESSAGES + 1


async def test_the_other_one_goes_on_after_a_lost_lease(valkey: redis.asyncio.Redis) -> None:
    chat = TimedChat()
    (store, first), (_, second) = await a_sender(valkey, chat, RARELY), await a_sender(valkey, chat, OFTEN)
    await announce(store, MESSAGES, ALERTS)
    running = asyncio.create_task(first.run())
    await chat.until(2)
    standby = asyncio.create_task(second.run())
    running.cancel()
    await asyncio.wait([running])
    assert await valkey.exists(f"pipeline-bot:{{{TEAM}}}:lease:{ACTIVE_SENDER}")
    await asyncio.sleep(SPACING)  # less than the rest of the lease, but as long as the channel's distance
    await valkey.delete(f"pipeline-bot:{{{TEAM}}}:lease:{ACTIVE_SENDER}")
    await chat.until(MESSAGES)
    second.stop()
    await standby
    assert_spaced(chat)
    assert len({row.id for row, _, _ in chat.posts}) == MESSAGES
