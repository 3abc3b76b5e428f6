"""The logs of changes: a process reads the changed rows alone, and all rows after a gap."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import pytest
import redis.asyncio
import redis.asyncio.client

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.plan import Plan, Record
from bot.ports.changes import UNKNOWN_POSITION
from bot.ports.lease_store import READER
from bot.ports.store_errors import LeadershipLost
from bot.ports.watch_store import Watches
from bot.state.repository import Repository
from bot.store.change_log import MOST_READ, ChangeLog
from bot.store.keys import Keys
from tests.builders import ORDERS, TEAM, a_message, a_pipeline, a_watch
from tests.fakes import FakeClock, settle
from tests.rollback import go_back, snapshot
from tests.stores import WholeStore

MANY = [PipelineId(f"pipe_many_{number}") for number in range(MOST_READ + 1)]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(any_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(any_redis, TEAM, clock)


async def written(store: WholeStore, pipeline_ids: Sequence[PipelineId], version: int = 0) -> None:
    watches_version = await store.watches_version()
    for pipeline_id in pipeline_ids:
        assert await store.commit(Plan(record=Record(pipeline_id=pipeline_id, version=version)), watches_version)


async def test_a_log_names_the_changes_after_a_position(store: WholeStore) -> None:
    assert (await store.record_changes(UNKNOWN_POSITION)).changed is None
    begin = (await store.record_changes(UNKNOWN_POSITION)).position
    assert (await store.record_changes(begin)).changed == {}
    await written(store, [ORDERS])
    first = await store.record_changes(begin)
    assert first.changed == {ORDERS: 1}
    await written(store, [ORDERS], version=1)
    await written(store, [PipelineId("pipe_2")])
    assert (await store.record_changes(first.position)).changed == {ORDERS: 2, "pipe_2": 1}
    assert (await store.record_changes(begin)).changed == {ORDERS: 2, "pipe_2": 1}


async def test_a_log_that_does_not_reach_back_says_so(store: WholeStore) -> None:
    begin = (await store.record_changes(UNKNOWN_POSITION)).position
    await written(store, [ORDERS])
    early = await store.record_changes(begin)
    await written(store, MANY)
    for position in (begin, early.position):
        late = await store.record_changes(position)
        assert late.changed is None
        assert (await store.record_changes(late.position)).changed == {}


async def test_a_position_from_before_a_rollback_is_unknown(any_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    store = WholeStore(any_redis, TEAM, clock)
    await written(store, [ORDERS])
    before = await snapshot(any_redis)
    await written(store, [PipelineId("pipe_2")])
    position = (await store.record_changes(UNKNOWN_POSITION)).position
    await go_back(any_redis, before)
    assert (await store.record_changes(position)).changed is None
    await any_redis.delete(store._keys["record_changes"])
    assert (await store.record_changes(position)).changed is None


async def test_other_bots_changes_arrive_row_by_row_and_after_a_gap(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    store, other = (WholeStore(any_redis, TEAM, clock) for _ in range(2))
    repository, theirs = (Repository(its_store, asyncio.Event()) for its_store in (store, other))
    await repository.load()
    await theirs.load()
    for name in ("orders-eu", "orders-us"):
        await theirs.save_page([a_pipeline(name)])
        await other.add_watches([a_watch("orders-*"), a_watch(name)], a_message(name))
        await theirs.refresh_watches()
        await written(other, [ORDERS], version=theirs.record(ORDERS).version)
        await theirs.catch_up()
        await repository.catch_up()
        assert repository.record(ORDERS).version == theirs.record(ORDERS).version > 0
        assert repository.pipeline(ORDERS).name == name
        assert repository.watches.all == theirs.watches.all == (await other.watches()).all
        assert repository.pollable == {ORDERS, "orders-eu", name}
    theirs.learn(a_pipeline("orders-ap"))
    await theirs.save_page([])
    await other.remove_watches([a_watch("orders-eu").id], a_message("ended"))
    await written(other, MANY)
    await repository.catch_up()
    assert repository.record(MANY[-1]).version == 1
    assert repository.pipeline(ORDERS).name == "orders-ap"
    assert repository.watches.all == (await other.watches()).all


async def test_a_catch_up_reads_nothing_if_nothing_changed(store: WholeStore) -> None:
    repository = Repository(store, asyncio.Event())
    await written(store, [ORDERS])
    await repository.load()

    async def fail() -> None:
        raise AssertionError("read all rows")

    store.first = dict.fromkeys(("records", "watches", "catalogue"), fail)
    await repository.catch_up()


async def test_a_gone_pipeline_leaves_the_catalogue_of_all_bots(store: WholeStore) -> None:
    repository = Repository(store, asyncio.Event())
    await store.save_pipelines([a_pipeline(), Pipeline(id=PipelineId("pipe_2"), name="fills")])
    await repository.load()
    await store.save_pipelines([replace(a_pipeline(), project="other")], removed=[PipelineId("pipe_2")])
    await repository.catch_up()
    assert [*repository.listed.values()] == [replace(a_pipeline(), project="other")]


async def test_a_leader_that_lost_its_lease_ends_no_listing(store: WholeStore) -> None:
    """It was frozen since it read the last page. By then the next leader has listed again."""
    repository, fills = Repository(store, asyncio.Event()), Pipeline(id=PipelineId("pipe_2"), name="fills")
    lease = await store.acquire_lease(READER)
    assert lease
    await repository.save_page([a_pipeline(), fills], lease)
    await store.release_lease(lease)
    with pytest.raises(LeadershipLost):
        await repository.end_listing({fills.id}, complete_at=0.0, lease=lease)
    assert await store.acquire_lease(READER)
    with pytest.raises(LeadershipLost):
        await repository.save_page([replace(fills, name="former")], lease)
    assert await store.catalogue() == {a_pipeline().id: a_pipeline(), fills.id: fills}
    await repository.catch_up()
    assert dict(repository.listed) == await store.catalogue()
    await repository.save_page([])
    assert dict(repository.listed) == await store.catalogue()


async def test_a_gone_pipeline_leaves_the_catalogue_after_a_gap_too(store: WholeStore) -> None:
    """What this process has learned and not saved yet stays, and so does what it saves during the read."""
    repository = Repository(store, asyncio.Event())
    former, unsaved, meanwhile = (Pipeline(id=PipelineId(f"pipe_{name}"), name=name) for name in ("a", "b", "c"))
    await store.save_pipelines([a_pipeline(), former])
    await repository.load()
    repository.learn(unsaved)
    many = [Pipeline(id=pipeline_id, name=pipeline_id) for pipeline_id in MANY]
    await store.save_pipelines(many, removed=[former.id])
    read_all = store.catalogue

    async def slowly() -> Mapping[PipelineId, Pipeline]:
        stored = await read_all()
        await store.save_pipelines([meanwhile])
        repository.learn(meanwhile)
        return stored

    store.catalogue = slowly  # type: ignore[method-assign]
    await repository.catch_up()
    assert {*repository.listed} == {ORDERS, unsaved.id, meanwhile.id, *MANY}


@pytest.mark.parametrize("count", [0, 1, MOST_READ])
async def test_changes_from_the_begin_of_a_log_are_complete(any_redis: redis.asyncio.Redis, count: int) -> None:
    key = Keys(TEAM)["record_changes"]
    log = ChangeLog(any_redis, key)
    begin = (await log.since(UNKNOWN_POSITION)).position
    for number in range(count):
        await any_redis.xadd(key, {f"pipe_{number}": ""})
    changed = (await log.since(begin)).changed
    assert changed is not None
    assert len(changed) == count


@pytest.mark.parametrize("number", range(1, 6))
async def test_a_watch_made_during_a_refresh_is_not_lost(
    any_redis: redis.asyncio.Redis, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Another bot adds a watch after each round trip in turn. A later refresh must find it."""
    store, other = (WholeStore(any_redis, TEAM, clock) for _ in range(2))
    repository = Repository(store, asyncio.Event())
    await other.add_watches([a_watch("first")], a_message("first"))
    await repository.load()
    await other.add_watches([a_watch("second")], a_message("second"))
    left = number

    def followed(run: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def both(*args: object, **kwargs: object) -> object:
            nonlocal left
            answer = await run(*args, **kwargs)
            left -= 1
            if left == 0:
                await other.add_watches([a_watch("meanwhile")], a_message("meanwhile"))
            return answer

        return both

    with monkeypatch.context() as patch:
        patch.setattr(store._redis, "execute_command", followed(store._redis.execute_command))
        pipelines = redis.asyncio.client.Pipeline
        patch.setattr(pipelines, "execute", followed(pipelines.execute))
        await repository.refresh_watches()
    if left > 0:
        await other.add_watches([a_watch("meanwhile")], a_message("meanwhile"))
    await repository.refresh_watches()
    assert repository.watches.pipelines == {"first", "second", "meanwhile"}


async def test_a_newer_refresh_meanwhile_is_no_rollback(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    """Reading all watches takes seconds if there are many. Meanwhile another task may know a newer change."""
    store, other = (WholeStore(fake_redis, TEAM, clock) for _ in range(2))
    repository = Repository(store, asyncio.Event())
    await other.add_watches([a_watch("zero")], a_message("zero"))
    await repository.load()
    await other.add_watches([a_watch("first")], a_message("first"))
    read_all, has_read, goes_on = store.watches, asyncio.Event(), asyncio.Event()

    async def slowly() -> Watches:
        watches = await read_all()
        has_read.set()
        await goes_on.wait()
        return watches

    store.watches = slowly  # type: ignore[method-assign]
    await fake_redis.delete(store._keys["watch_changes"])  # so the first refresh reads all watches
    first = asyncio.create_task(repository.refresh_watches())
    await has_read.wait()
    store.watches = read_all  # type: ignore[method-assign]
    await other.add_watches([a_watch("second")], a_message("second"))
    second = asyncio.create_task(repository.refresh_watches())
    await settle()
    goes_on.set()
    await asyncio.gather(first, second)
    assert repository.watches.pipelines == {"zero", "first", "second"}


async def test_a_refresh_during_a_recovery_loses_no_watch(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    """A recovery knows the watches from its begin, and ends seconds later."""
    store, other = (WholeStore(fake_redis, TEAM, clock) for _ in range(2))
    repository = Repository(store, asyncio.Event())
    await repository.load()

    async def meanwhile() -> None:
        store.first.clear()
        await other.add_watches([a_watch("first")], a_message("first"))
        await repository.refresh_watches()
        await other.add_watches([a_watch("second")], a_message("second"))
        store.first["watch_changes"] = recovery_ends
        refreshes.append(asyncio.create_task(repository.refresh_watches()))
        await has_begun.wait()

    async def recovery_ends() -> None:
        """The recovery replaces the watches while a refresh waits for Redis."""
        store.first.clear()
        has_begun.set()
        await settle()

    refreshes: list[asyncio.Task[None]] = []
    has_begun = asyncio.Event()
    store.first["pipeline_changes"] = meanwhile
    await repository.restore(repository.known, emptied=False)
    await asyncio.gather(*refreshes)
    await repository.refresh_watches()
    assert repository.watches.pipelines == {"first", "second"}
