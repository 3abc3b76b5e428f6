"""Whose turn it is to read, over the store in memory: one bot at a time, and never nobody for long."""

import pytest
import redis.asyncio

from bot.coordination.leadership import SPARE_SECONDS, Leadership
from bot.ports.lease_store import Lease
from bot.ports.store_errors import StoreAway
from bot.store.leases import TURN_SECONDS
from tests.builders import TEAM
from tests.fakes import FakeClock
from tests.stores import WholeStore


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(fake_redis, TEAM, clock)


async def lasts(turn: Leadership, clock: FakeClock) -> float:
    """Seconds until it is ours no more, if it is not kept on."""
    seconds = 0.0
    while turn.ours:
        await clock.pass_time(0.5)
        seconds += 0.5
    return seconds


async def test_one_bot_has_the_turn_and_keeps_it(store: WholeStore, clock: FakeClock) -> None:
    first, second = Leadership(store, clock), Leadership(store, clock)
    assert not first.ours
    assert await first.keep()
    for _ in range(40):
        await clock.pass_time(3)
        assert not await first.keep()  # it was ours already
        assert not await second.keep()
        assert (first.ours, second.ours) == (True, False)


async def test_whoever_gives_it_up_lets_another_begin_at_once(store: WholeStore, clock: FakeClock) -> None:
    first, second = Leadership(store, clock), Leadership(store, clock)
    await first.keep()
    await first.give_up()
    assert not first.ours
    assert await second.keep()
    assert not await first.keep()
    await first.give_up()  # what is another's is not given up
    assert not await first.keep()
    assert second.ours


async def test_a_turn_that_is_about_to_run_out_is_no_turn(store: WholeStore, clock: FakeClock) -> None:
    """So that what is begun in it also ends in it."""
    turn = Leadership(store, clock)
    await turn.keep()
    assert await lasts(turn, clock) == TURN_SECONDS - SPARE_SECONDS
    assert await turn.keep()  # nobody else wanted it, and it has just become ours again


class Flaky(WholeStore):
    away = False

    async def acquire_lease(self, name: str, held: Lease | None = None) -> Lease | None:
        if self.away:
            raise StoreAway("no answer")
        return await super().acquire_lease(name, held)


async def test_a_store_that_is_away_takes_no_turn_away(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    """It is ours for as long as it lasts, and then nobody's, as far as we know."""
    store = Flaky(fake_redis, TEAM, clock)
    turn = Leadership(store, clock)
    await turn.keep()
    store.away = True
    with pytest.raises(StoreAway):
        await turn.keep()
    assert turn.ours
    await lasts(turn, clock)
    with pytest.raises(StoreAway):
        await turn.keep()
    assert not turn.ours
    store.away = False
    assert await turn.keep()


async def test_what_is_for_one_bot_only_runs_in_its_turn(store: WholeStore, clock: FakeClock) -> None:
    ran = []
    turn = Leadership(store, clock)

    async def run() -> None:
        ran.append(clock.seconds)

    once = turn.only(run)
    await once()
    assert ran == []
    await turn.keep()
    await once()
    assert len(ran) == 1
    await lasts(turn, clock)
    await once()
    assert len(ran) == 1
