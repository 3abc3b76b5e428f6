"""The reason why a channel was not notified is the same in log, metric and receipt."""

import asyncio

import pytest
import redis.asyncio

from bot.domain.phase import Phase
from bot.domain.plan import plan_reading
from bot.domain.receipt import Addressed, SkipReason
from bot.domain.transition import Event
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.delivery import NotNotified
from bot.state.repository import Repository
from bot.telemetry.metrics import Metrics
from tests.builders import ALERTS, ORDERS, TEAM, a_message, a_routing, a_watch, an_observation
from tests.fakes import FakeClock
from tests.stores import WholeStore


@pytest.fixture
def store(fake_redis: redis.asyncio.Redis) -> WholeStore:
    return WholeStore(fake_redis, TEAM, FakeClock())


async def test_a_filtered_failure_has_one_reason_everywhere(store: WholeStore) -> None:
    watch = a_watch(events=frozenset({Event.PAUSED}))
    await store.add_watches([watch], a_message("announced"))
    repository = Repository(store, asyncio.Event())
    await repository.load()
    metrics, records = Metrics(), list[EventRecord]()
    failed = an_observation(Phase.FAILED, 1, ready=0)
    with subscribed(records.append), subscribed(metrics.on_record):
        await repository.write(ORDERS, lambda record, _: plan_reading(record, failed, a_routing(watch)))
    (addressed,) = await store.receipts(ORDERS)
    assert isinstance(addressed, Addressed)
    assert [skip.reason for skip in addressed.skips] == [SkipReason.FILTERED]
    assert NotNotified(pipeline=ORDERS, channel=ALERTS, reason="filtered") in records
    assert metrics.registry.get_sample_value("pipeline_bot_not_notified_total", {"reason": "filtered"}) == 1
