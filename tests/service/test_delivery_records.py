"""The record of a delivery names the message, its channel and its pipeline, and how long it took."""

import pytest
import redis.asyncio

from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.delivery import DeliverySettled
from tests.builders import ALERTS, TEAM
from tests.fakes import FakeChat, FakeClock
from tests.service.test_dispatcher import fail, sending
from tests.stores import WholeStore


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(fake_redis, TEAM, clock)


async def settled(store: WholeStore, clock: FakeClock, seconds: float = 3.0) -> list[DeliverySettled]:
    records: list[EventRecord] = []
    with subscribed(records.append):
        async with sending(store, FakeChat(), clock):
            await clock.pass_time(seconds)
    return [record for record in records if isinstance(record, DeliverySettled) and record.outcome == "posted"]


async def test_a_card_is_recorded_with_its_pipeline_and_the_time_since_the_read(
    store: WholeStore, clock: FakeClock
) -> None:
    await fail(store, 1)  # read one second after noon
    clock.seconds = 6.0
    card = (await settled(store, clock))[0]
    assert (card.pipeline, card.channel, card.priority) == ("pipe_0001", ALERTS, "failure")
    assert card.seconds == 5.0
    assert card.delivery


async def test_a_group_is_recorded_without_a_pipeline(store: WholeStore, clock: FakeClock) -> None:
    for number in range(1, 6):
        await fail(store, number)
    clock.seconds = 10.0
    group = (await settled(store, clock))[0]
    assert group.pipeline is None
    assert group.seconds is not None
    assert group.seconds > 4.0
