"""Readers may live in other processes: results come late, twice or never."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import ceil

import pytest
import redis.asyncio

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId, ReadSequence
from bot.domain.phase import Phase
from bot.domain.watch import API_PIPELINE_ID, ChannelId
from bot.monitoring.api_trouble import ApiTrouble
from bot.monitoring.breaker import NO_READER
from bot.monitoring.local_readers import LocalReaders
from bot.monitoring.scheduler import JOIN_SECONDS, OWN_ERROR, TICK_SECONDS
from bot.ports.pipeline_api import ApiError, OnOutcome, Status, Unavailable
from bot.ports.reads import OnResult, ReadRequest, ReadResult, Unread
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.monitoring import ReadCrashed
from tests.builders import ALERTS
from tests.fakes import FakeApi, FakeClock, settle
from tests.service.test_cadence_live import notices
from tests.service.test_poller import FAILED, LIVE, ONE, OPERATOR, TWO, Bot, pipelines, running
from tests.service.test_reads import staleness as a_staleness


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
            assert isinstance(outcome, Status | ApiError)
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


async def test_a_read_that_no_reader_began_in_time_is_made_again(fake_redis: redis.asyncio.Redis) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(1), readers=readers) as bot:
        await bot.watch(ONE)
        await bot.poll(2)
        ((request, on_result),) = readers.held
        on_result(Unread(request=request))
        on_result(Unread(request=request))
        await settle()
        assert bot.scheduler.unread_since(0) == {ONE}
        readers.held.clear()
        await bot.poll(TICK_SECONDS)
        assert readers.batches == [1, 1]


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


async def test_a_person_does_not_wait_for_the_read_of_a_dead_reader(fake_redis: redis.asyncio.Redis) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(1), readers=readers) as bot:
        await bot.watch(ONE)
        await bot.poll(2)
        ((request, on_result),) = readers.held  # its reader is dead, and the read does not count as lost yet
        bot.api.statuses[ONE] = FAILED
        people = [asyncio.create_task(bot.scheduler.read_now(ONE)) for _ in range(2)]
        await bot.clock.pass_time(JOIN_SECONDS)
        assert [person.done() and person.result() for person in people] == [None, None]
        assert bot.repository.record(ONE).state.phase == Phase.FAILED
        assert bot.api.reads == [ONE]
        on_result(ReadResult(request=request, outcome=LIVE, at=bot.clock.now()))  # it lived, and was slow
        await settle()
        assert bot.repository.record(ONE).state.phase == Phase.FAILED


async def poll_answered(bot: Bot, readers: FarReaders, seconds: float) -> None:
    for _ in range(ceil(seconds / TICK_SECONDS)):
        await bot.poll(TICK_SECONDS)
        readers.deliver(bot.api, bot.clock)


async def test_the_scheduler_reads_for_a_person_if_no_reader_began_in_time(fake_redis: redis.asyncio.Redis) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(1), readers=readers) as bot:
        await bot.watch(ONE)
        await bot.poll(2)
        person = asyncio.create_task(bot.scheduler.read_now(ONE))
        await settle()
        ((request, on_result),) = readers.held
        on_result(Unread(request=request))
        await bot.clock.pass_time(1)
        await settle()
        assert person.done()
        assert person.result() is None
        assert bot.repository.record(ONE).state.phase == Phase.RUNNING


async def test_a_read_that_ends_while_a_person_waits_for_the_budget_answers(fake_redis: redis.asyncio.Redis) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(1), readers=readers) as bot:
        await bot.watch(ONE)
        await bot.poll(2)
        await bot.clock.pass_time(1)
        bot.budget._fill()
        bot.budget._all.tokens = -bot.budget.full_rate * JOIN_SECONDS
        person = asyncio.create_task(bot.scheduler.read_now(ONE))
        await settle()
        await bot.clock.pass_time(JOIN_SECONDS)
        readers.deliver(bot.api, bot.clock)
        await settle()
        await bot.clock.pass_time(1)
        await settle()
        assert person.done()
        assert person.result() is None


@pytest.mark.parametrize(("operator", "notified"), [(OPERATOR, OPERATOR), (None, ALERTS)])
async def test_silent_readers_are_an_outage_for_the_operator_or_every_channel(
    fake_redis: redis.asyncio.Redis, operator: ChannelId | None, notified: ChannelId
) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(2), readers=readers, operator=operator) as bot:
        await bot.watch(ONE, TWO)
        began = bot.clock.monotonic()
        readers.lost = True
        await bot.poll(12)
        assert unanswered_seconds(bot) >= 10
        assert bot.scheduler.outage is None
        await bot.poll(10)
        assert bot.scheduler.outage == NO_READER
        outage = bot.repository.record(API_PIPELINE_ID).episode
        assert outage is not None
        assert [*outage.cards.values()] == [notified]
        assert NO_READER in outage.timeline[-1].reason
        idle = next(pipeline_id for pipeline_id in (ONE, TWO) if pipeline_id not in bot.scheduler._under_way)
        assert await bot.scheduler.read_now(idle) is None  # a person's read ends nothing: nobody polls yet
        assert bot.scheduler.outage == NO_READER
        await bot.poll(130)
        assert bot.scheduler.unread_since(began + 60) == {ONE, TWO}
        trouble = ApiTrouble(repository=bot.repository, breaker=bot.scheduler._breaker, leadership=bot.leadership)
        assert trouble.current() is None  # GoldRush is not to blame
        assert await notices(bot) == []
        readers.lost = False
        await poll_answered(bot, readers, 20)
        assert unanswered_seconds(bot) == 0
        assert bot.scheduler.outage is None
        assert trouble.current() is None
        await poll_answered(bot, readers, 60)
        outage = bot.repository.record(API_PIPELINE_ID).episode
        assert outage is not None
        assert not outage.open


async def test_one_lost_read_beside_answered_ones_is_no_silence(fake_redis: redis.asyncio.Redis) -> None:
    readers = FarReaders()
    async with running(fake_redis, *pipelines(2), readers=readers) as bot:
        await bot.watch(ONE, TWO)
        for _ in range(30):
            await bot.poll(1)
            readers.held = [held for held in readers.held if held[0].pipeline_id != ONE]
            readers.deliver(bot.api, bot.clock)
            assert unanswered_seconds(bot) <= 6  # the period of the other pipeline
        assert bot.scheduler.outage is None


def unanswered_seconds(bot: Bot) -> float:
    """The seconds without an answer, as the probes see them."""
    figures = a_staleness(bot).figures()
    assert figures is not None
    return figures.unanswered_seconds


async def test_a_standby_reads_for_people_by_itself(fake_redis: redis.asyncio.Redis) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(1))
    async with running(fake_redis, clock=clock, api=api) as one:
        await one.watch(ONE)
        await one.poll(2)
        readers = FarReaders()
        readers.lost = True
        async with running(fake_redis, clock=clock, api=api, readers=readers) as two:
            assert not two.leadership.is_leader
            assert await two.scheduler.read_now(ONE) is None
            assert readers.batches == []


async def test_a_bot_that_leads_no_more_gives_up_its_lost_reads(fake_redis: redis.asyncio.Redis) -> None:
    readers = FarReaders()
    readers.lost = True
    async with running(fake_redis, *pipelines(1), readers=readers) as bot:
        await bot.watch(ONE)
        await bot.poll(1)
        person = asyncio.create_task(bot.scheduler.read_now(ONE))  # joins the read under way
        await settle()
        await bot.leadership.release()
        for _ in range(50):
            await bot.scheduler.tick()
            await bot.clock.pass_time(TICK_SECONDS)
        assert person.done()
        assert await bot.scheduler.read_now(ONE) is None


async def test_a_bug_in_one_result_ends_that_read_only(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[EventRecord] = []
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.watch(ONE, TWO)
        await bot.poll(2)
        steady = bot.recorder.record_steady

        def buggy(result: ReadResult) -> bool:
            if result.request.pipeline_id == ONE:
                raise RuntimeError("a bug")
            return steady(result)

        monkeypatch.setattr(bot.recorder, "record_steady", buggy)
        with subscribed(records.append):
            assert await bot.scheduler.read_now(ONE) == OWN_ERROR
        monkeypatch.undo()
        await bot.poll(30)
        assert bot.scheduler.unread_since(bot.clock.monotonic() - 10) == frozenset()
    assert [record.pipeline for record in records if isinstance(record, ReadCrashed)] == [ONE]


async def test_local_readers_wait_for_their_reads_at_the_end() -> None:
    clock, gate = FakeClock(), asyncio.Event()
    results: list[ReadResult | Unread] = []
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
    assert [result.outcome for result in results if isinstance(result, ReadResult)] == [LIVE]


class ApiWithoutTasks(FakeApi):
    """Implements `StatusWithoutTask` too. The test decides when a read ends, and how."""

    def __init__(self, *names: Pipeline) -> None:
        super().__init__(*names)
        self.begun: list[OnOutcome] = []

    def begin_status(self, _: PipelineId, on_outcome: OnOutcome) -> None:
        self.begun.append(on_outcome)


async def test_local_readers_read_without_a_task_where_the_api_can() -> None:
    api, results = ApiWithoutTasks(*pipelines(1)), list[ReadResult | Unread]()
    readers = LocalReaders(api=api, clock=FakeClock())
    request = ReadRequest(pipeline_id=ONE, sequence=ReadSequence(1, 1))

    async def run() -> None:
        async with readers.running():
            readers.start([request, request, request], results.append)

    running_readers = asyncio.create_task(run())
    await settle()
    error = Unavailable("slow")
    api.begun[0](LIVE)
    api.begun[1](error)
    await settle()
    assert api.reads == []
    assert not running_readers.done()
    api.begun[2](None)  # left to `status`
    await running_readers
    assert api.reads == [ONE]
    assert [result.outcome for result in results if isinstance(result, ReadResult)] == [LIVE, error, LIVE]


async def test_local_readers_end_although_a_result_was_not_accepted() -> None:
    api, gate = ApiWithoutTasks(*pipelines(1)), asyncio.Event()
    readers = LocalReaders(api=api, clock=FakeClock())

    def refuse(_: ReadResult | Unread) -> None:
        raise ValueError("refused")

    async def run() -> None:
        async with readers.running():
            readers.start([ReadRequest(pipeline_id=ONE, sequence=ReadSequence(1, 1))], refuse)
            await gate.wait()

    running_readers = asyncio.create_task(run())
    await settle()
    gate.set()
    await settle()
    with pytest.raises(ValueError, match="refused"):
        api.begun[0](LIVE)
    await settle()
    assert running_readers.done()


async def test_readers_that_were_stopped_report_nothing_more() -> None:
    api, results = ApiWithoutTasks(*pipelines(1)), list[ReadResult | Unread]()
    readers = LocalReaders(api=api, clock=FakeClock())

    async def run() -> None:
        async with readers.running():
            readers.start([ReadRequest(pipeline_id=ONE, sequence=ReadSequence(1, 1))] * 2, results.append)

    stopped = asyncio.create_task(run())
    await settle()
    stopped.cancel()
    await settle()
    api.begun[0](LIVE)
    api.begun[1](None)
    await settle()
    assert results == []
    assert api.reads == []
