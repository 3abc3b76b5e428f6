"""The rows and incidents of a pager change together, or not at all."""

from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.delivery import Delivery, Lane, LaneKind
from bot.domain.pager import PagerAction
from bot.domain.pager_lane import Incident, PagerLaneChange, combined_pages
from tests.builders import TEAM
from tests.fakes import NOON, FakeClock
from tests.proofs.differential_store import DifferentialStore
from tests.proofs.memory import Disk, MemoryStore
from tests.stores import WholeStore
from tests.unit.test_pager_lane import OPS, a_failure, rows_of

PAGES = Lane(LaneKind.PAGES, OPS)


@pytest.fixture
def store(any_redis: redis.asyncio.Redis) -> DifferentialStore:
    """Whatever both answer is compared."""

    async def at_once() -> None: ...

    clock, disk = FakeClock(), Disk()
    return DifferentialStore(WholeStore(any_redis, TEAM, clock), MemoryStore(lambda: disk, TEAM, clock, 1, at_once))


async def enqueue(store: DifferentialStore, rows: list[Delivery]) -> None:
    await store.enqueue([row.message for row in rows])


async def combine(store: DifferentialStore) -> PagerLaneChange:
    rows, incidents = await store.deliveries(PAGES), await store.incidents(OPS)
    change = combined_pages(OPS, rows, incidents.values(), NOON)
    assert change is not None
    return change


async def test_rows_and_incidents_change_together(store: DifferentialStore) -> None:
    await enqueue(store, rows_of(PagerAction.TRIGGER, "a", "b", "c", "d"))
    lease = await store.lease(PAGES)
    change = await combine(store)
    assert await store.change_pager_lane(change, PAGES, lease)
    assert await store.deliveries(PAGES) == change.rows
    (incident,) = (await store.incidents(OPS)).values()
    assert [failure.key for failure in incident.failures] == ["key-a", "key-b", "key-c", "key-d"]
    await enqueue(store, rows_of(PagerAction.RESOLVE, "a", "b", "c", "d"))
    assert await store.change_pager_lane(await combine(store), PAGES, lease)
    assert await store.incidents(OPS) == {}


async def test_a_row_that_stays_keeps_its_place(store: DifferentialStore) -> None:
    await enqueue(store, [*rows_of(PagerAction.TRIGGER, "a"), *rows_of(PagerAction.TRIGGER, "b")])
    lease = await store.lease(PAGES)
    assert await store.change_pager_lane(await combine(store), PAGES, lease)
    first, second = await store.deliveries(PAGES)
    again = replace(first, message=replace(first.message, made_at=NOON))
    assert await store.change_pager_lane(PagerLaneChange(rows=(again,)), PAGES, lease)
    assert [row.id for row in await store.deliveries(PAGES)] == [first.id, second.id]


async def test_nothing_changes_without_the_lease(store: DifferentialStore) -> None:
    await enqueue(store, rows_of(PagerAction.TRIGGER, "a"))
    lease = await store.lease(PAGES)
    change = await combine(store)
    assert not await store.change_pager_lane(change, PAGES, replace(lease, token="another"))
    assert await store.incidents(OPS) == {}


@pytest.mark.parametrize("ended", [(), ("key-a",)])
async def test_an_incident_survives_its_row(store: DifferentialStore, ended: tuple[str, ...]) -> None:
    incident = Incident(key="k", made_at=NOON, failures=(a_failure("a"), a_failure("b")), ended=ended, step=3)
    lease = await store.lease(PAGES)
    assert await store.change_pager_lane(PagerLaneChange(incidents=(incident,)), PAGES, lease)
    assert await store.incidents(OPS) == {"k": incident}
