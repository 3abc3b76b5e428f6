"""Readers may live in other processes: results come late, twice or never."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import redis.asyncio

from bot.domain.observation import ReadSequence
from bot.domain.phase import Phase
from bot.monitoring.local_readers import LocalReaders
from bot.ports.reads import OnResult, ReadRequest, ReadResult
from tests.fakes import FakeApi, FakeClock, settle
from tests.service.test_poller import FAILED, LIVE, ONE, TWO, pipelines, running


class FarReaders:
    """Readers that lose every read while `lost`, and else hold each result until `deliver`."""

    lost_after = 10.0

    def __init__(self) -> None:
        self.lost = False
        self.held: list[tuple[ReadRequest, OnResult]] = []
        self.batches: list[int] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        yield

    def start(self, batch: Sequence[ReadRequest], on_result: OnResult) -> None:
        self.batches.append(len(batch))
        if not self.lost:
            self.held += [(request, on_result) for request in batch]

    def deliver(self, api: FakeApi, clock: FakeClock, *, times: int = 1) -> None:
        held, self.held = self.held, []
        for request, on_result in held:
            outcome = api.statuses[request.pipeline_id]
            assert not isinstance(outcome, Exception)
            for _ in range(times):
                on_result(ReadResult(request=request, outcome=outcome, at=clock.now()))


async def test_a_read_of_a_lost_reader_is_made_again(fake_redis: redis.asyncio.Redis) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(1), readers=readers) as bot:
        await bot.watch(ONE)
        readers.lost = True
        await bot.poll(2)
        assert readers.batches == [1]
        readers.lost = False
        await bot.poll(12)
        assert readers.batches == [1, 1]
        readers.deliver(bot.api, bot.clock)
        await settle()
        assert bot.repository.record(ONE).state.phase == Phase.RUNNING


async def test_a_late_or_repeated_result_changes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(1), readers=readers) as bot:
        await bot.watch(ONE)
        await bot.poll(2)
        late = readers.held.pop()
        await bot.poll(12)
        bot.api.statuses[ONE] = FAILED
        readers.deliver(bot.api, bot.clock, times=2)
        await settle()
        late[1](ReadResult(request=late[0], outcome=LIVE, at=bot.clock.now()))
        await settle()
        assert bot.repository.record(ONE).state.phase == Phase.FAILED
        assert await bot.cards() == ["pipe_0001 failure"]


async def test_due_pipelines_go_out_in_one_batch(fake_redis: redis.asyncio.Redis) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(2), readers=readers) as bot:
        await bot.watch(ONE, TWO)
        await bot.poll(1)
        assert readers.batches == [2]
        person = asyncio.create_task(bot.scheduler.read_now(ONE))
        await settle()
        assert readers.batches == [2]  # the person waits for the read under way
        readers.deliver(bot.api, bot.clock)
        assert await person is None


async def test_local_readers_wait_for_their_reads_at_the_end() -> None:
    clock, gate = FakeClock(), asyncio.Event()
    results: list[ReadResult] = []
    api = FakeApi(*pipelines(1))
    api.gate = lambda _: gate
    readers = LocalReaders(api=api, clock=clock)

    async def run() -> None:
        async with readers.running():
            request = ReadRequest(pipeline_id=ONE, sequence=ReadSequence(1, 1))
            readers.start([request], results.append)

    running_readers = asyncio.create_task(run())
    await settle()
    assert not running_readers.done()
    gate.set()
    await running_readers
    assert [result.outcome for result in results] == [LIVE]
