"""Calls of the bot that leads: over a real server, because they wait in lists."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio

from bot.domain.catalogue import Pipeline
from bot.domain.log_lines import PodLog
from bot.domain.observation import Observation, PipelineId, ReadSequence
from bot.domain.phase import Intent, Phase
from bot.domain.transition import PipelineState
from bot.ports.catalogue import ListingOutcome
from bot.ports.details_reads import LogAnswer
from bot.ports.leader import LeaderSilent, ReadReply
from bot.ports.lease_store import Lease
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.monitoring import ReadCrashed
from bot.store import leader_calls
from bot.store.forget import forget
from bot.store.keys import Keys
from bot.store.leader_calls import LeaderCalls, RemoteLeader
from bot.store.scripts import Scripts
from tests.builders import TEAM, at
from tests.fakes import FakeClock

ONE, TWO = PipelineId("pipe_1"), PipelineId("pipe_2")
KEYS = Keys(TEAM)
REPLY = ReadReply(
    state=PipelineState(
        observation=Observation(
            pipeline_id=ONE,
            sequence=ReadSequence(7, 99),
            observed_at=at(3),
            phase=Phase("Reticulating"),
            replicas=3,
            ready=1,
            uid="w-1",
            start_time=at(1),
            intent=Intent.PAUSED,
        ),
        since=at(2),
        failed_reads=1,
        sequence=ReadSequence(7, 100),
    ),
    pipeline=Pipeline(id=ONE, name="orders", project="shop", intent=Intent.PAUSED),
    problem="GoldRush is slow",
    wait_until=at(9),
)
LOGS = LogAnswer(at=at(3), pods=(PodLog(pod="pod-a", text="ERROR disk is full \u2713\n"),), problem=None)
LISTED = ListingOutcome(problem="The key is refused.", refusal="GoldRush answered 401.", waits_until=at(5))


class TheLeader:
    """Does the work, and counts it. Waits for `free` first."""

    lease: Lease | None = None

    def __init__(self) -> None:
        self.is_leader = True
        self.free = asyncio.Event()
        self.free.set()
        self.asked: list[tuple[str, float]] = []
        self.bug: Exception | None = None

    async def read(self, pipeline_id: PipelineId, *, older_than: float) -> ReadReply:
        self.asked.append((pipeline_id, older_than))
        if pipeline_id == ONE:
            await self.free.wait()
        if self.bug:
            raise self.bug
        return REPLY

    async def list_pipelines(self, *, older_than: float) -> ListingOutcome:
        self.asked.append(("list", older_than))
        return LISTED

    async def logs(self, pipeline_id: PipelineId) -> LogAnswer:
        self.asked.append((f"logs of {pipeline_id}", 0.0))
        return LOGS


@asynccontextmanager
async def serving(
    client: redis.asyncio.Redis, leader: TheLeader, clock: FakeClock | None = None
) -> AsyncIterator[None]:
    stopped = asyncio.Event()
    calls = LeaderCalls(Scripts(client, TEAM), clock or FakeClock(), leader, leader)
    task = asyncio.create_task(calls.run(stopped))
    try:
        yield
    finally:
        stopped.set()
        leader.free.set()
        await task


@asynccontextmanager
async def calling(client: redis.asyncio.Redis) -> AsyncIterator[RemoteLeader]:
    remote = RemoteLeader(Scripts(client, TEAM), FakeClock())
    async with remote.running():
        yield remote


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader_calls, "BLOCK_SECONDS", 0.1)
    monkeypatch.setattr(leader_calls, "AWAY_SECONDS", 0.01)


async def test_the_leader_answers_reads_and_listings(any_redis: redis.asyncio.Redis) -> None:
    leader = TheLeader()
    async with serving(any_redis, leader), calling(any_redis) as remote:
        assert await remote.read(ONE, older_than=2.0) == REPLY
        assert await remote.list_pipelines(older_than=1.0) == LISTED
    assert leader.asked == [(ONE, 2.0), ("list", 1.0)]


async def test_the_leader_answers_with_logs(any_redis: redis.asyncio.Redis) -> None:
    leader = TheLeader()
    async with serving(any_redis, leader), calling(any_redis) as remote:
        assert await remote.logs(ONE) == LOGS
    assert leader.asked == [(f"logs of {ONE}", 0.0)]


async def test_each_process_gets_its_own_replies_in_any_order(any_redis: redis.asyncio.Redis) -> None:
    leader = TheLeader()
    leader.free.clear()
    async with serving(any_redis, leader), calling(any_redis) as remote, calling(any_redis) as other:
        slow = asyncio.create_task(remote.read(ONE, older_than=0.0))
        while not leader.asked:
            await asyncio.sleep(0.01)
        assert await other.list_pipelines(older_than=0.0) == LISTED
        assert await remote.read(TWO, older_than=0.0) == REPLY
        assert not slow.done()
        leader.free.set()
        assert await slow == REPLY


async def test_without_a_leader_a_call_ends_and_a_later_leader_drops_it(
    any_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader_calls, "READ_SECONDS", 0.05)
    clock, leader = FakeClock(), TheLeader()
    async with calling(any_redis) as remote:
        with pytest.raises(LeaderSilent):
            await remote.read(ONE, older_than=0.0)
        assert await any_redis.llen(KEYS["leader_calls"]) == 1
        clock.seconds += 1
        async with serving(any_redis, leader, clock):
            while await any_redis.llen(KEYS["leader_calls"]):
                await asyncio.sleep(0.01)
            assert await remote.list_pipelines(older_than=0.0) == LISTED
    assert leader.asked == [("list", 0.0)]


async def test_a_bot_that_does_not_lead_takes_no_call(any_redis: redis.asyncio.Redis) -> None:
    standby, leader = TheLeader(), TheLeader()
    standby.is_leader = False
    async with serving(any_redis, standby), serving(any_redis, leader), calling(any_redis) as remote:
        for _ in range(5):
            await remote.read(TWO, older_than=0.0)
    assert (len(standby.asked), len(leader.asked)) == (0, 5)


async def test_damaged_rows_and_a_bug_end_nothing_else(any_redis: redis.asyncio.Redis) -> None:
    leader, records = TheLeader(), list[EventRecord]()
    leader.bug = RuntimeError("a bug")
    async with serving(any_redis, leader), calling(any_redis) as remote:
        await any_redis.rpush(KEYS["leader_calls"], "nonsense", '{"number":1}')
        await any_redis.rpush(remote._replies, "nonsense")
        with subscribed(records.append):
            broken = asyncio.create_task(remote.read(ONE, older_than=0.0))
            while not records:
                await asyncio.sleep(0.01)
        leader.bug = None
        assert await remote.read(TWO, older_than=0.0) == REPLY
        assert not broken.done()
        broken.cancel()
    assert [record.pipeline for record in records if isinstance(record, ReadCrashed)] == [ONE]


async def test_a_call_that_redis_refuses_raises_an_error_of_the_store(valkey: redis.asyncio.Redis) -> None:
    await valkey.set(KEYS["leader_calls"], "of another type")
    async with calling(valkey) as remote:
        with pytest.raises(StoreAway):
            await remote.read(ONE, older_than=0.0)


async def test_calls_and_replies_go_by_themselves_and_few_wait(
    valkey: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader_calls, "MOST_CALLS", 3)
    async with calling(valkey) as remote:
        calls = [asyncio.create_task(remote.read(ONE, older_than=float(number))) for number in range(5)]
        async with asyncio.timeout(30):
            while await valkey.llen(KEYS["leader_calls"]) < 3:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        assert 0 < await valkey.ttl(KEYS["leader_calls"]) <= 60
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    assert await valkey.llen(KEYS["leader_calls"]) == 3
    await forget(valkey, TEAM)
    assert await valkey.dbsize() == 0


async def test_a_caller_that_stopped_waiting_leaves_a_reply_that_goes(valkey: redis.asyncio.Redis) -> None:
    leader = TheLeader()
    leader.free.clear()
    async with serving(valkey, leader):
        async with calling(valkey) as remote:
            call = asyncio.create_task(remote.read(ONE, older_than=0.0))
            while not leader.asked:
                await asyncio.sleep(0.01)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        leader.free.set()
        async with asyncio.timeout(30):
            while not await valkey.llen(remote._replies):
                await asyncio.sleep(0.01)
        assert 0 < await valkey.ttl(remote._replies) <= 60
