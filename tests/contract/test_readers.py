"""Readers in other processes, over a real Valkey: the scheduler's side and several readers, here in one process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import pytest
import redis.asyncio
from taskiq import BrokerMessage
from taskiq.kicker import AsyncKicker

from bot.clock import StoreClock
from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId, ReadSequence
from bot.domain.phase import Phase
from bot.monitoring.local_readers import LocalReaders
from bot.ports.pipeline_api import ListingPage, Status, Throttled
from bot.ports.reads import ReadRequest, ReadResult, Unread
from bot.ports.telemetry import EventRecord, Level, subscribed
from bot.ports.telemetry.monitoring import ReadCrashed, ReadsLost
from bot.ports.telemetry.store import StoreUnreachable
from bot.readers import broker as broker_module
from bot.readers import remote as remote_module
from bot.readers.batch_reader import BatchReader, Room
from bot.readers.broker import GROUP, BatchBroker
from bot.readers.gate import Gate
from bot.readers.remote import MOST_IN_BATCH, RemoteReaders
from bot.readers.wire import TASK, Batch, encode_results, source_of
from bot.store.clock import RedisClock
from bot.store.forget import forget
from bot.store.keys import Keys
from bot.store.scripts import Scripts
from tests.builders import TEAM
from tests.fakes import settle

KEYS = Keys(TEAM)
STREAM = KEYS.reads(source_of("https://api.covalenthq.com/", "cqt_secret"))
RESULTS = KEYS.read_results("one")


async def until(true: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not (answer if isinstance(answer := true(), bool) else await answer):
            await asyncio.sleep(0.01)


@contextmanager
def subscribed_records() -> Iterator[list[EventRecord]]:
    """The records from INFO on."""
    records: list[EventRecord] = []
    with subscribed(lambda record: records.append(record) if record.level is not Level.DEBUG else None):
        yield records


class Api:
    """Answers RUNNING at once, or when `free` is set. Counts the reads."""

    def __init__(self) -> None:
        self.reads: Counter[str] = Counter()
        self.free = asyncio.Event()
        self.free.set()
        self.throttled: set[str] = set()

    async def status(self, pipeline_id: PipelineId) -> Status:
        self.reads[pipeline_id] += 1
        await self.free.wait()
        if pipeline_id in self.throttled:
            raise Throttled("GoldRush allows no more requests now.", 7.0)
        return Status(phase=Phase.RUNNING, replicas=1, ready=1, uid=pipeline_id)

    async def pipeline(self, pipeline_id: PipelineId) -> Pipeline:
        raise NotImplementedError

    async def page(self, number: int) -> ListingPage:
        raise NotImplementedError


@dataclass
class Pool:
    """One scheduler, and readers that come and go."""

    redis: redis.asyncio.Redis
    clock: StoreClock
    remote: RemoteReaders
    apis: list[Api] = field(default_factory=list)
    results: list[ReadResult] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    brokers: list[BatchBroker] = field(default_factory=list)
    rooms: list[Room] = field(default_factory=list)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def add_reader(self, *, stream: str = STREAM, slots: int = 100) -> Api:
        api, room = Api(), Room(slots)
        broker = BatchBroker(self.redis, stream, room.wait)
        readers = LocalReaders(api=api, clock=self.clock)
        reader = BatchReader(redis=self.redis, broker=broker, room=room, readers=readers, clock=self.clock, slots=slots)
        self.apis.append(api)
        self.brokers.append(broker)
        self.rooms.append(room)
        self.tasks.append(asyncio.create_task(reader.run(self.stopped)))
        return api

    def freeze(self, number: int) -> None:
        """The reader takes, renews and returns nothing more, until the test frees its API. A dead one never does."""
        self.rooms[number].change(10**6)
        self.brokers[number]._held.clear()

    async def age_batches(self, number: int, *, seconds: int) -> None:
        """Makes the batches of this reader look as if nobody had renewed them for so long."""
        broker = self.brokers[number]
        held: list[int | bytes | str | memoryview[int]] = list(broker._held)
        await self.redis.xclaim(STREAM, GROUP, broker.consumer_name, 0, held, idle=seconds * 1000, justid=True)

    def has_searched(self, number: int) -> bool:
        """True once this reader found no batch of a dead reader."""
        return self.brokers[number]._searched_at > float("-inf")

    def read(self, *names: str, epoch: int = 1) -> Sequence[ReadRequest]:
        requests = [
            ReadRequest(pipeline_id=PipelineId(name), sequence=ReadSequence(epoch, number))
            for number, name in enumerate(names)
        ]
        self.remote.start(requests, self._take)
        return requests

    def _take(self, result: ReadResult | Unread) -> None:
        if isinstance(result, Unread):
            self.unread.append(result)
        else:
            self.results.append(result)

    async def returned(self, count: int) -> None:
        await until(lambda: len(self.results) >= count)


@asynccontextmanager
async def a_pool(client: redis.asyncio.Redis) -> AsyncIterator[Pool]:
    clock = await StoreClock.start(RedisClock(Scripts(client, TEAM)))
    remote = RemoteReaders(
        redis=client,
        broker=BatchBroker(client, STREAM),
        results=RESULTS,
        clock=clock,
        read_seconds=5.0,
        rate=lambda: 10_000.0,
    )
    pool = Pool(client, clock, remote)
    async with remote.running():
        yield pool
    pool.stopped.set()
    for api in pool.apis:
        api.free.set()
    await asyncio.gather(*pool.tasks, return_exceptions=True)


@pytest.fixture(autouse=True)
def _slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No read goes back unread because this machine is slow."""
    monkeypatch.setattr(remote_module, "BEGIN_SECONDS", 60.0)


@pytest.fixture
async def pool(valkey: redis.asyncio.Redis) -> AsyncIterator[Pool]:
    async with a_pool(valkey) as pool:
        yield pool


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers count as dead, and are searched for, within tenths of a second."""
    monkeypatch.setattr(broker_module, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(broker_module, "CLAIM_SECONDS", 0.05)
    monkeypatch.setattr(broker_module, "BLOCK_SECONDS", 0.1)


async def test_each_read_comes_back_once_with_its_own_sequence(pool: Pool) -> None:
    apis = [pool.add_reader(), pool.add_reader()]
    names = [f"pipe_{number}" for number in range(3 * MOST_IN_BATCH + 1)]
    requests = pool.read(*names)
    await pool.returned(len(names))
    assert sorted(result.request.sequence for result in pool.results) == [request.sequence for request in requests]
    assert {result.request.pipeline_id for result in pool.results} == set(names)
    for result in pool.results:
        assert isinstance(result.outcome, Status)
        assert result.outcome.uid == result.request.pipeline_id
    assert sum((api.reads for api in apis), Counter()) == Counter(names)


async def test_an_error_comes_back_as_a_value(pool: Pool) -> None:
    pool.add_reader().throttled.add("pipe_1")
    pool.read("pipe_0", "pipe_1")
    await pool.returned(2)
    (outcome,) = [result.outcome for result in pool.results if result.request.pipeline_id == "pipe_1"]
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after == 7.0


async def test_a_fast_read_does_not_wait_for_a_slow_one_of_its_batch(pool: Pool) -> None:
    api = pool.add_reader()
    api.free.clear()
    slow = api.status

    async def status(pipeline_id: PipelineId) -> Status:
        return await slow(pipeline_id) if pipeline_id == "slow" else Status(phase=Phase.FAILED)

    api.status = status  # type: ignore[method-assign]
    pool.read("slow", "fast")
    await pool.returned(1)
    assert [result.request.pipeline_id for result in pool.results] == ["fast"]
    api.free.set()
    await pool.returned(2)


@pytest.mark.usefixtures("hasty")
async def test_another_reader_takes_the_batch_of_a_dead_one_and_each_read_counts_once(pool: Pool) -> None:
    dying = pool.add_reader()
    dying.free.clear()
    requests = pool.read("pipe_0", "pipe_1", "pipe_2")
    await until(lambda: len(dying.reads) == 3)
    pool.freeze(0)
    heir = pool.add_reader()
    await pool.returned(3)
    assert [heir.reads[name] for name in ("pipe_0", "pipe_1", "pipe_2")] == [1, 1, 1]
    assert sorted(result.request.sequence for result in pool.results) == [request.sequence for request in requests]


@pytest.mark.usefixtures("hasty")
async def test_a_batch_is_taken_over_though_no_new_one_comes(pool: Pool) -> None:
    """taskiq-redis searches only after a new message."""
    dying = pool.add_reader()
    heir = pool.add_reader()
    for api in (dying, heir):
        api.free.clear()
    pool.read("pipe_0")
    await until(lambda: bool(dying.reads or heir.reads))
    dead = 0 if dying.reads else 1
    pool.apis[1 - dead].free.set()
    pool.freeze(dead)
    await pool.returned(1)


async def test_a_living_reader_keeps_its_batch_however_slow_goldrush_is(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "IDLE_SECONDS", 3600.0)  # no stalled machine makes a batch that old
    slow = pool.add_reader()
    slow.free.clear()
    pool.read("pipe_0")
    await until(lambda: bool(slow.reads))
    await pool.age_batches(0, seconds=7200)
    await pool.brokers[0].keep()
    heir = pool.add_reader()
    await until(lambda: bool(heir.reads) or pool.has_searched(1))
    assert not heir.reads
    slow.free.set()
    await pool.returned(1)


@pytest.mark.usefixtures("hasty")
async def test_a_frozen_reader_that_wakes_up_late_changes_nothing(pool: Pool) -> None:
    frozen = pool.add_reader()
    frozen.free.clear()
    pool.read("pipe_0")
    await until(lambda: bool(frozen.reads))
    pool.freeze(0)
    pool.add_reader()
    await pool.returned(1)
    frozen.free.set()
    pool.read("pipe_1")
    await pool.returned(2)
    assert [result.request.pipeline_id for result in pool.results] == ["pipe_0", "pipe_1"]


async def test_results_of_unknown_batches_and_second_results_are_ignored(pool: Pool) -> None:
    entry = [0, 1.5, "RUNNING", 1, 1, None, None]
    await pool.redis.rpush(RESULTS, encode_results(999, [entry]))
    reader = pool.add_reader()
    reader.free.clear()
    pool.read("pipe_0", "pipe_1")
    await until(lambda: len(reader.reads) == 2)
    await pool.redis.rpush(RESULTS, encode_results(1, [entry]), encode_results(1, [entry]))
    await pool.returned(1)
    reader.free.set()
    await pool.returned(2)
    assert [result.request.pipeline_id for result in pool.results] == ["pipe_0", "pipe_1"]


async def test_a_reader_reads_for_a_scheduler_of_a_smaller_epoch(pool: Pool) -> None:
    """The epoch falls if Redis was emptied or restored."""
    pool.add_reader()
    pool.read("before", epoch=5)
    await pool.returned(1)
    pool.read("after", epoch=1)
    await pool.returned(2)


async def _has(client: redis.asyncio.Redis, batches: int) -> bool:
    return await client.xlen(STREAM) == batches


async def _is_empty(client: redis.asyncio.Redis) -> bool:
    return await _has(client, 0)


async def test_a_reader_drops_a_batch_that_nobody_waits_for(pool: Pool) -> None:
    now = pool.clock.now().timestamp()
    late = Batch(
        number=1, results=RESULTS, until=now - 1, begin_by=now + 60, spacing=0.1, pipelines=[PipelineId("late")]
    )
    await AsyncKicker[..., None](TASK, BatchBroker(pool.redis, STREAM), {}).kiq(*late.arguments)
    reader = pool.add_reader()
    await until(lambda: _is_empty(pool.redis))
    assert not reader.reads


async def test_reads_that_waited_too_long_for_a_reader_come_back_unread(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget paid for them long ago: a reader that comes back must not read them all at once."""
    monkeypatch.setattr(remote_module, "BEGIN_SECONDS", -1.0)
    requests = pool.read("pipe_0", "pipe_1")
    await until(lambda: _has(pool.redis, 1))
    reader = pool.add_reader()
    await until(lambda: len(pool.unread) == 2)
    assert sorted(read.request.sequence for read in pool.unread) == [request.sequence for request in requests]
    assert not reader.reads
    assert not pool.results


async def test_all_readers_together_space_their_reads(any_redis: redis.asyncio.Redis) -> None:
    """Counts on a free machine as on a busy one: time that passes meanwhile only frees more reads."""
    spacing, within = 0.2, 2.0
    gates = [Gate(any_redis, STREAM) for _ in range(3)]
    began = asyncio.get_running_loop().time()
    delays = [await gate.pass_through(4, spacing, within=within) for gate in gates * 3]
    passed = asyncio.get_running_loop().time() - began
    assert delays[0] == [number * spacing for number in range(4)]
    assert sum(map(len, delays)) <= (passed + within) / spacing + 1
    assert all(delay <= within for batch in delays for delay in batch)
    assert passed > 0.5 or delays[1][0] >= delays[0][-1] + spacing - passed


async def test_a_gate_that_another_clock_set_ahead_opens_at_once(any_redis: redis.asyncio.Redis) -> None:
    await any_redis.set(f"{STREAM}:gate", str(10**18), ex=60)
    assert await Gate(any_redis, STREAM).pass_through(1, 0.2, within=2.0) == [0.0]


async def test_a_reader_waits_for_the_time_that_the_gate_gives(pool: Pool) -> None:
    reader = pool.add_reader()
    reserved_at = asyncio.get_running_loop().time()
    await Gate(pool.redis, STREAM).pass_through(3, 0.1, within=60.0)
    pool.read("pipe_0")
    await pool.returned(1)
    assert asyncio.get_running_loop().time() - reserved_at >= 0.3
    assert reader.reads["pipe_0"] == 1


async def test_a_read_that_no_reader_answers_is_reported_as_lost(pool: Pool) -> None:
    pool.remote.lost_after = 0.3
    with subscribed_records() as records:
        pool.read("pipe_0")
        await until(lambda: bool(records))
    assert records == [ReadsLost(reads=1)]


async def test_a_reader_with_few_slots_reads_a_large_batch_without_more_reads_at_once(pool: Pool) -> None:
    reader = pool.add_reader(slots=3)
    reader.free.clear()
    names = [f"pipe_{number}" for number in range(10)]
    pool.read(*names)
    await until(lambda: len(reader.reads) == 3)
    await until(pool.rooms[0].free.locked)
    await settle()
    assert len(reader.reads) == 3
    reader.free.set()
    await pool.returned(10)
    assert reader.reads == Counter(names)


async def test_reads_that_could_not_be_sent_are_sent_once_redis_answers(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kick, failures = BatchBroker.kick, [True, False]  # the second batch fails

    async def failing(broker: BatchBroker, message: BrokerMessage) -> None:
        if failures and failures.pop():
            raise redis.exceptions.ConnectionError("refused")
        await kick(broker, message)

    monkeypatch.setattr(BatchBroker, "kick", failing)
    monkeypatch.setattr(remote_module, "AWAY_SECONDS", 0.01)
    pool.add_reader()
    names = [f"pipe_{number}" for number in range(3 * MOST_IN_BATCH)]
    with subscribed_records() as records:
        pool.read(*names)
        await pool.returned(len(names))
    assert {result.request.pipeline_id for result in pool.results} == set(names)
    assert [record.component for record in records if isinstance(record, StoreUnreachable)] == ["scheduler"]


async def test_damaged_results_and_a_bug_in_the_receiver_end_no_other_read(pool: Pool) -> None:
    reader = pool.add_reader()
    reader.free.clear()

    def bug(_: ReadResult | Unread) -> None:
        raise RuntimeError("a bug")

    with subscribed_records() as records:
        pool.remote.start([ReadRequest(pipeline_id=PipelineId("bug"), sequence=ReadSequence(1, 1))], bug)
        pool.read("pipe_0")
        await until(lambda: len(reader.reads) == 2)
        await pool.redis.rpush(RESULTS, "nonsense", encode_results(1, [["damaged"]]))
        await until(lambda: len(records) == 2)
        reader.free.set()
        await pool.returned(1)
    assert [type(record) for record in records] == [ReadCrashed] * 3


async def test_only_readers_of_the_same_address_and_key_get_a_batch(pool: Pool) -> None:
    other = pool.add_reader(stream=KEYS.reads(source_of("https://api.covalenthq.com/", "cqt_other")))
    same = pool.add_reader()
    for number in range(20):
        pool.read(f"pipe_{number}")
    await pool.returned(20)
    assert not other.reads
    assert len(same.reads) == 20


async def test_a_full_reader_leaves_batches_to_others(pool: Pool) -> None:
    full = pool.add_reader(slots=1)
    full.free.clear()
    pool.read("pipe_0")
    await until(lambda: bool(full.reads))
    free = pool.add_reader()
    for number in range(1, 6):
        pool.read(f"pipe_{number}")
    await pool.returned(5)
    assert list(full.reads) == ["pipe_0"]
    assert len(free.reads) == 5


async def test_nothing_is_left_in_redis_but_an_empty_stream_and_no_key_is_outside_the_workspace(
    valkey: redis.asyncio.Redis,
) -> None:
    async with a_pool(valkey) as pool:
        pool.add_reader()
        for number in range(50):
            pool.read(f"pipe_{number}")
        await pool.returned(50)
        assert await valkey.ttl(RESULTS) <= 60
    assert await valkey.xlen(STREAM) == 0
    assert (await valkey.xpending(STREAM, GROUP))["pending"] == 0
    assert await valkey.xinfo_consumers(STREAM, GROUP) == []
    assert 0 < await valkey.ttl(STREAM) <= 3600
    assert {key async for key in valkey.scan_iter()} == {key async for key in valkey.scan_iter(KEYS.all_keys_pattern)}
    await forget(valkey, TEAM)
    assert await valkey.dbsize() == 0


async def test_a_killed_reader_is_forgotten_by_a_later_one(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    pool.add_reader()
    pool.read("pipe_0")
    await pool.returned(1)
    await pool.redis.xgroup_createconsumer(STREAM, GROUP, "killed")
    monkeypatch.setattr(broker_module, "GONE_SECONDS", -1.0)
    pool.add_reader()
    pool.read("pipe_1")
    await pool.returned(2)

    async def is_forgotten() -> bool:
        return b"killed" not in [consumer["name"] for consumer in await pool.redis.xinfo_consumers(STREAM, GROUP)]

    await until(is_forgotten)


async def test_readers_go_on_after_the_stream_was_lost(pool: Pool) -> None:
    pool.add_reader()
    pool.read("pipe_0")
    await pool.returned(1)
    await pool.redis.flushall()
    pool.read("pipe_1")
    await pool.returned(2)
