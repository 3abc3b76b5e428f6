"""The size of the outbox and the age of its oldest message, over a real server and fakeredis."""

from dataclasses import replace
from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain.watch import ChannelId, SuspendReason
from bot.ports.figures import OutboxFigures
from tests.builders import TEAM, a_message, at
from tests.contract.test_store import an_announcement
from tests.fakes import FakeClock
from tests.stores import WholeStore

OTHER = ChannelId("C0OTHER")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(any_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(any_redis, TEAM, clock)


async def test_an_empty_outbox_has_no_age(store: WholeStore) -> None:
    assert await store.outbox_figures() == OutboxFigures(due=0, suspended=0, oldest_seconds=0.0)


async def test_messages_of_all_lanes_are_counted(store: WholeStore, clock: FakeClock) -> None:
    await store.enqueue([an_announcement("a"), an_announcement("b", OTHER), a_message()])
    clock.seconds = 30.0
    assert await store.outbox_figures() == OutboxFigures(due=3, suspended=0, oldest_seconds=30.0)


async def test_messages_of_suspended_channels_are_counted_apart_and_have_no_age(
    store: WholeStore, clock: FakeClock
) -> None:
    await store.enqueue([an_announcement("a"), an_announcement("b", OTHER)])
    await store.enqueue([replace(an_announcement("c"), made_at=at(10))])
    await store.suspend_now(OTHER, SuspendReason.NOT_FOUND)
    clock.seconds = 60.0
    assert await store.outbox_figures() == OutboxFigures(due=2, suspended=1, oldest_seconds=60.0)


async def test_a_message_that_waits_on_purpose_is_not_old(store: WholeStore, clock: FakeClock) -> None:
    await store.enqueue([replace(an_announcement(), not_before=at(100))])
    clock.seconds = 40.0
    assert (await store.outbox_figures()).oldest_seconds == 0.0
    clock.seconds = 130.0
    assert (await store.outbox_figures()).oldest_seconds == timedelta(seconds=30).total_seconds()
