"""What a store finds that it has lost, and what follows from the rest: over a real server."""

from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.delivery import Lane, LaneKind, Priority, in_slack
from bot.domain.watch import ChannelId
from bot.ports.outbox import DeliveryResult, ResultKind
from bot.store.losses import PERMANENT, Losses
from tests.builders import ALERTS, TEAM, a_message, at
from tests.fakes import FakeClock
from tests.stores import WholeStore


@pytest.fixture
async def store(any_redis: redis.asyncio.Redis) -> WholeStore:
    return WholeStore(any_redis, TEAM, FakeClock())


async def lost(store: WholeStore) -> set[str]:
    names, _ = await store.lost_keys((), ())
    return set(names)


async def test_each_key_that_is_kept_is_missed_once(store: WholeStore) -> None:
    keys = {name: store._keys[name] for name in PERMANENT}
    for name, mark in PERMANENT.items():
        if not mark:
            await store._redis.hset(keys[name], "a", "1")
    assert await lost(store) == {"heartbeat"}  # there are records, and nobody ever gave a sign of life
    assert await lost(store) == set()
    for name, key in keys.items():
        assert await store._redis.delete(key) == 1
        assert await lost(store) == {name}
        if PERMANENT[name]:
            assert await store._redis.exists(key)
        else:
            await store._redis.hset(key, "a", "1")
        assert await lost(store) == set()


async def test_an_empty_store_misses_nothing(store: WholeStore) -> None:
    assert await lost(store) == set()
    await store._redis.flushall()
    assert await lost(store) == set()


LANE = Lane(LaneKind.FEED, in_slack(TEAM, ALERTS))


async def owing(store: WholeStore, *ids: str) -> None:
    await store.enqueue([a_message(id_, channel=ALERTS) for id_ in ids])


@pytest.mark.parametrize(("key", "name"), [("lanes", "lanes"), (f"outbox:{LANE.name}", "outbox")])
async def test_rows_that_are_there_are_sent_all_the_same(store: WholeStore, key: str, name: str) -> None:
    await owing(store, "one", "two")
    (lane,) = await store.lanes_with_work()
    await store._redis.delete(store._keys[key.replace(LANE.name, lane.name)])
    assert name in await lost(store)
    assert await store.lanes_with_work() == (lane,)
    assert {delivery.id for delivery in await store.deliveries(lane)} == {"one", "two"}


async def test_a_lost_outbox_is_rebuilt_in_order(store: WholeStore) -> None:
    """Redis itself answers the rows in no order."""
    for number in range(30):
        await store.enqueue([a_message(f"{number}", channel=ALERTS, made_at=at(number))])
    (lane,) = await store.lanes_with_work()
    await store._redis.delete(store._keys[f"outbox:{lane.name}"])
    assert await lost(store) >= {"outbox"}
    assert [delivery.id for delivery in await store.deliveries(lane)] == [f"{number}" for number in range(30)]
    assert await lost(store) == set()


async def test_rows_that_are_gone_leave_no_lane_behind(store: WholeStore) -> None:
    await owing(store, "one", "two")
    await store._redis.delete(store._keys["deliveries"])
    assert await lost(store) == {"deliveries"}
    assert await store.lanes_with_work() == ()
    await owing(store, "three")
    assert await lost(store) == set()


async def test_a_lost_counter_keeps_the_order_of_rows(store: WholeStore) -> None:
    assert await lost(store) == set()
    await owing(store, "one", "two", "three")
    assert await lost(store) == set()
    await store._redis.delete(store._keys["sequence"])
    assert await lost(store) == {"sequence"}
    await owing(store, "four")
    (lane,) = await store.lanes_with_work()
    assert [delivery.id for delivery in await store.deliveries(lane)] == ["one", "two", "three", "four"]


async def test_a_message_that_goes_to_another_lane_meanwhile_is_not_lost(store: WholeStore) -> None:
    """As a card does whose page is posted while an update of it waits already."""
    page = a_message("card", channel=ALERTS, priority=Priority.FAILURE)
    update = replace(page, priority=Priority.UPDATE)
    await store.enqueue([page])
    losses = Losses(store._scripts)
    reconcile = losses._reconcile

    async def late(keys: list[str], args: list[str]) -> object:
        (row,) = await store.deliveries(page.lane)
        result = DeliveryResult(kind=ResultKind.UNCHANGED, redraw=update, follow_up=update)
        assert await store.settle(row, await store.leased(page.lane), result)
        return await reconcile(keys=keys, args=args)

    losses._reconcile = late  # type: ignore[assignment]
    assert await losses._lost_lanes(thorough=True) == []
    assert await store.lanes_with_work() == (update.lane,)


async def test_a_lane_that_comes_meanwhile_is_not_a_loss(store: WholeStore) -> None:
    await owing(store, "one")
    losses = Losses(store._scripts)
    smembers = store._redis.smembers

    async def and_then_a_row(key: str) -> object:
        found = await smembers(key)
        await store.enqueue([a_message("two", channel=ChannelId("C0OTHER"))])
        return found

    store._redis.smembers = and_then_a_row  # type: ignore[method-assign,assignment]
    assert await losses._lanes_agree()
