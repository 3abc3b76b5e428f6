"""Whose leadership it is to read, over the store in memory: one bot at a time, and never nobody for long."""

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
    """Seconds until it is ours no more, if it is not kept on."""
    seconds = 0.0
    while leadership.held:
        await clock.pass_time(0.5)
        seconds += 0.5
    return seconds


async def test_one_bot_has_the_leadership_and_keeps_it(store: WholeStore, clock: FakeClock) -> None:
    first, second = Leadership(store, clock), Leadership(store, clock)
    assert not first.held
    assert await first.acquire()
    for _ in range(40):
        await clock.pass_time(3)
        assert not await first.acquire()  # it was ours already
        assert not await second.acquire()
        assert (first.held, second.held) == (True, False)


async def test_a_released_leadership_lets_another_bot_begin_at_once(store: WholeStore, clock: FakeClock) -> None:
    first, second = Leadership(store, clock), Leadership(store, clock)
    await first.acquire()
    await first.release()
    assert not first.held
    assert await second.acquire()
    assert not await first.acquire()
    await first.release()  # what is another's is not given up
    assert not await first.acquire()
    assert second.held


async def test_a_leadership_about_to_expire_counts_as_lost(store: WholeStore, clock: FakeClock) -> None:
    """So that what is begun in it also ends in it."""
    leadership = Leadership(store, clock)
    await leadership.acquire()
    assert await lasts(leadership, clock) == LEADER_LEASE_SECONDS - SPARE_SECONDS
    assert await leadership.acquire()  # nobody else wanted it, and it has just become ours again


class Flaky(WholeStore):
    away = False

    async def acquire_lease(self, name: str, held: Lease | None = None) -> Lease | None:
        if self.away:
            raise StoreAway("no answer")
        return await super().acquire_lease(name, held)


async def test_an_unreachable_store_ends_no_leadership(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    """It is ours for as long as it lasts, and then nobody's, as far as we know."""
    store = Flaky(fake_redis, TEAM, clock)
    leadership = Leadership(store, clock)
    await leadership.acquire()
    store.away = True
    with pytest.raises(StoreAway):
        await leadership.acquire()
    assert leadership.held
    await lasts(leadership, clock)
    with pytest.raises(StoreAway):
        await leadership.acquire()
    assert not leadership.held
    store.away = False
    assert await leadership.acquire()


async def test_a_leaders_job_runs_only_while_it_leads(store: WholeStore, clock: FakeClock) -> None:
    ran = []
    leadership = Leadership(store, clock)

    async def run() -> None:
        ran.append(clock.seconds)

    once = leadership.only(run)
    await once()
    assert ran == []
    await leadership.acquire()
    await once()
    assert len(ran) == 1
    await lasts(leadership, clock)
    await once()
    assert len(ran) == 1
