"""Leadership over the in-memory store: one bot leads at a time, and another soon replaces a lost one."""

import pytest
import redis.asyncio

from bot.coordination.leadership import SPARE_SECONDS, Leadership
from bot.ports.lease_store import Lease
from bot.ports.store_errors import StoreAway
from bot.store.leases import LEADER_LEASE_SECONDS
from tests.builders import TEAM
from tests.fakes import FakeClock
from tests.stores import WholeStore


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(fake_redis, TEAM, clock)


async def lasts(leadership: Leadership, clock: FakeClock) -> float:
    """Counts the seconds until the leadership expires without renewal."""
    seconds = 0.0
    while leadership.is_leader:
        await clock.pass_time(0.5)
        seconds += 0.5
    return seconds


async def test_one_bot_has_the_leadership_and_keeps_it(store: WholeStore, clock: FakeClock) -> None:
    first, second = Leadership(store, clock), Leadership(store, clock)
    assert not first.is_leader
    assert await first.acquire()
    for _ in range(40):
        await clock.pass_time(3)
        assert not await first.acquire()  # this bot led already
        assert not await second.acquire()
        assert (first.is_leader, second.is_leader) == (True, False)


async def test_a_released_leadership_lets_another_bot_begin_at_once(store: WholeStore, clock: FakeClock) -> None:
    first, second = Leadership(store, clock), Leadership(store, clock)
    await first.acquire()
    await first.release()
    assert not first.is_leader
    assert await second.acquire()
    assert not await first.acquire()
    await first.release()  # a bot cannot release another's leadership
    assert not await first.acquire()
    assert second.is_leader


async def test_a_leadership_about_to_expire_counts_as_lost(store: WholeStore, clock: FakeClock) -> None:
    """A bot must not begin work that it cannot finish while it leads."""
    leadership = Leadership(store, clock)
    await leadership.acquire()
    assert await lasts(leadership, clock) == LEADER_LEASE_SECONDS - SPARE_SECONDS
    assert await leadership.acquire()  # nobody else wanted it, so this bot has just acquired it again


class Flaky(WholeStore):
    away = False

    async def acquire_lease(self, name: str, held: Lease | None = None) -> Lease | None:
        if self.away:
            raise StoreAway("no answer")
        return await super().acquire_lease(name, held)


async def test_an_unreachable_store_ends_no_leadership(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    """This bot leads until its lease expires. After that it must assume that nobody leads."""
    store = Flaky(fake_redis, TEAM, clock)
    leadership = Leadership(store, clock)
    await leadership.acquire()
    store.away = True
    with pytest.raises(StoreAway):
        await leadership.acquire()
    assert leadership.is_leader
    await lasts(leadership, clock)
    with pytest.raises(StoreAway):
        await leadership.acquire()
    assert not leadership.is_leader
    store.away = False
    assert await leadership.acquire()


async def test_a_leaders_job_runs_only_while_it_leads(store: WholeStore, clock: FakeClock) -> None:
    ran = []
    leadership = Leadership(store, clock)

    async def run() -> None:
        ran.append(clock.seconds)

    once = leadership.only_as_leader(run)
    await once()
    assert ran == []
    await leadership.acquire()
    await once()
    assert len(ran) == 1
    await lasts(leadership, clock)
    await once()
    assert len(ran) == 1
