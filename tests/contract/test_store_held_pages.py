"""The log of pages, and cards whose page is held back: over a real Valkey, fakeredis and the twin in memory."""

from dataclasses import replace
from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain.backlog import Grouping
from bot.domain.card import SyncGroup
from bot.domain.delivery import Delivery, Lane, LaneKind, Priority, in_slack
from bot.domain.held_pages import PERIOD, PageLog
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record, plan_reading
from bot.domain.watch import ChannelId
from bot.ports.outbox import DeliveryResult, PageEntry, ResultKind
from tests.builders import TEAM, a_delivery, a_person, a_pipeline, a_routing, a_watch, an_observation, at
from tests.fakes import NOON, FakeClock
from tests.proofs.differential_store import DifferentialStore
from tests.proofs.memory import Disk, MemoryStore
from tests.stores import WholeStore

DIRECT = ChannelId("D0BOB")
PAGES, FEED = (Lane(kind, in_slack(TEAM, DIRECT)) for kind in LaneKind)


@pytest.fixture
def store(any_redis: redis.asyncio.Redis) -> DifferentialStore:
    """Whatever both answer is compared."""

    async def at_once() -> None: ...

    clock, disk = FakeClock(), Disk()
    return DifferentialStore(WholeStore(any_redis, TEAM, clock), MemoryStore(lambda: disk, TEAM, clock, 1, at_once))


async def fail(store: DifferentialStore, number: int) -> None:
    pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number}"))
    observation = an_observation(Phase.FAILED, 1, ready=0, pipeline_id=pipeline.id)
    routing = a_routing(a_watch(pipeline.id, targets=(a_person("U0BOB", direct=DIRECT),)), pipeline=pipeline)
    assert await store.commit(plan_reading(Record(pipeline_id=pipeline.id), observation, routing), 0)


def ended(
    row: Delivery, log: PageEntry | None, kind: ResultKind = ResultKind.POSTED, ts: str = "17.5"
) -> DeliveryResult:
    return DeliveryResult(kind=kind, redraw=row.message, message_id=ts, shown={row.id: 1}, log=log)


async def test_cards_join_are_held_back_and_forgotten_in_one_step(store: DifferentialStore) -> None:
    for number in range(4):
        await fail(store, number)
    lease = await store.lease(PAGES)
    joining, held, other, forgotten = await store.deliveries(PAGES)
    beside = a_delivery("beside", channel=DIRECT, priority=Priority.UPDATE)
    key = "summary"
    row = a_delivery(key, SyncGroup(key), channel=DIRECT, priority=Priority.UPDATE)
    grouping = Grouping(
        row=row,
        replaced=(joining, held, other, forgotten),
        accompanied_by=(beside,),
        joins=(joining.id,),
        joined_at=at(2),
        summarized={held.id: 1, other.id: 7},
        forgets=(forgotten.id,),
    )
    assert await store.regroup(grouping, PAGES, lease)
    assert await store.deliveries(PAGES) == ()
    assert await store.deliveries(FEED) == (row, beside)
    cards = await store.cards([joining.id, held.id, other.id, forgotten.id])
    assert {key: (card.group, card.summarized_revision) for key, card in cards.items()} == {
        joining.id: (key, 0),
        held.id: (None, 1),
        other.id: (None, 7),
    }


async def test_a_posted_page_is_logged_once_for_an_hour(store: DifferentialStore) -> None:
    for number in range(3):
        await fail(store, number)
    lease = await store.lease(PAGES)
    first, second, third = await store.deliveries(PAGES)
    assert await store.settle(first, lease, ended(first, PageEntry(is_summary=False, at=at(1.25))))
    assert await store.settle(second, lease, ended(second, PageEntry(is_summary=True, at=at(2))))
    refused = ended(third, PageEntry(is_summary=False, at=at(3)), ResultKind.REMOVED, ts="")
    assert await store.settle(third, lease, refused)
    assert await store.page_log(in_slack(TEAM, DIRECT), NOON) == PageLog(pages=(at(1.25),), summaries=(at(2),))
    assert await store.page_log(in_slack(TEAM, DIRECT), at(1.25)) == PageLog(summaries=(at(2),))
    assert await store.page_log(in_slack(TEAM, ChannelId("D0CAT")), NOON) == PageLog()


async def test_the_page_log_holds_only_the_last_hour(store: DifferentialStore, any_redis: redis.asyncio.Redis) -> None:
    for number in range(3):
        await fail(store, number)
    lease = await store.lease(PAGES)
    for place, row in enumerate(await store.deliveries(PAGES)):
        later = NOON + place * (PERIOD + timedelta(seconds=1))
        assert await store.settle(row, lease, ended(row, PageEntry(is_summary=False, at=later)))
    (key,) = [any_redi for any_redi in await any_redis.keys("*") if b"page_log:" in any_redi]
    assert await any_redis.zcard(key) == 1
    assert await any_redis.ttl(key) > PERIOD.total_seconds()


async def test_a_page_that_changed_while_logged_is_still_owed(store: DifferentialStore) -> None:
    await fail(store, 1)
    lease = await store.lease(PAGES)
    (row,) = await store.deliveries(PAGES)
    again = replace(row.message, priority=Priority.UPDATE)
    ending = DeliveryResult(
        kind=ResultKind.POSTED,
        redraw=again,
        message_id="17.5",
        shown={row.id: 0},
        log=PageEntry(is_summary=False, at=at(1)),
    )
    assert await store.settle(row, lease, ending)
    assert await store.deliveries(FEED) == (Delivery(message=again),)


async def test_posted_calls_are_kept_until_they_end(store: DifferentialStore, any_redis: redis.asyncio.Redis) -> None:
    there, elsewhere = in_slack(TEAM, DIRECT), in_slack(TEAM, ChannelId("D0CAT"))
    one, two = (a_delivery(row, channel=DIRECT, priority=Priority.UPDATE).message for row in ("one", "two"))
    for ending in (one, two, one):
        await store.save_call(ending)
    assert {ending.id for ending in await store.calls(there)} == {"one", "two"}
    assert await store.calls(elsewhere) == ()
    await store.end_calls([one])
    await store.end_calls([one])  # another bot was faster
    assert [ending.id for ending in await store.calls(there)] == ["two"]
    assert [row.id for row in await store.deliveries(FEED)] == ["one"]
    (key,) = [key for key in await any_redis.keys("*") if b":calls:" in key]
    assert 0 < await any_redis.ttl(key) <= 7 * 86_400
