"""What Taskiq costs: reads per CPU second with 1, 2 and 4 reader processes, against the same reads in one process.

    python -m bench --only scale-out

The bench plays the scheduler: it starts 400 reads a second, as the bot does, and counts the CPU time of every process
that takes part: its own, the readers' and Valkey's.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import process_time
from uuid import uuid4

from pydantic import SecretStr

from bench.experiment import Experiment, Measurement, Results, Row, Run
from bench.fake_goldrush import pipeline_id
from bench.fleet import Fleet, fleet
from bench.machine import cost
from bot.clock import StoreClock
from bot.domain.observation import PipelineId, ReadSequence
from bot.domain.watch import TeamId
from bot.goldrush.client import Client
from bot.monitoring.local_readers import LocalReaders
from bot.ports.pipeline_api import Status
from bot.ports.reads import Readers, ReadRequest, ReadResult, Unread
from bot.readers.broker import BatchBroker
from bot.readers.remote import RemoteReaders
from bot.readers.wire import source_of
from bot.store.clock import RedisClock
from bot.store.connect import connect
from bot.store.keys import Keys
from bot.store.scripts import Scripts
from sandbox.child_processes import end_with_parent
from tests.journey.valkey import Valkey

TEAM = TeamId("T0BENCH")
KEY = "cqt_bench-service-key"
RATE = 400
PER_TICK = 10  # the scheduler starts ten slices every quarter of a second
PIPELINES = 2000
SLOTS = 200
SECONDS, QUICK_SECONDS = 8.0, 1.5
READERS = (1, 2, 4)
PATIENCE = 60.0

ROWS = tuple(
    Row(
        name=f"scale-out-{number}",
        label="G9",
        what=f"reads per CPU second, all processes, {number} reader{'s' if number > 1 else ''}",
        against="one process, without Taskiq",
    )
    for number in READERS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """CPU seconds for so many reads."""

    reads: int
    scheduler: float
    readers: float = 0.0
    valkey: float = 0.0

    @property
    def per_cpu_second(self) -> float:
        return self.reads / (self.scheduler + self.readers + self.valkey)

    def __str__(self) -> str:
        micros = [1e6 * seconds / self.reads for seconds in (self.scheduler, self.readers, self.valkey)]
        return "µs per read: scheduler {:.0f}, readers {:.0f}, Valkey {:.0f}".format(*micros)


async def _drive(readers: Readers, seconds: float, *, slots: int = SLOTS) -> int:
    """Starts reads at the rate and waits for their results. Returns how many came."""
    numbers, under_way, came = count(), 0, 0
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def on_result(result: ReadResult | Unread) -> None:
        nonlocal under_way, came
        assert isinstance(result, ReadResult), "a read came back unread"
        assert isinstance(result.outcome, Status), result.outcome
        under_way, came = under_way - 1, came + 1
        if under_way == 0:
            ended.set()

    async with readers.running():
        end = loop.time() + seconds
        while (now := loop.time()) < end:
            batch = [_request(next(numbers)) for _ in range(min(PER_TICK, slots - under_way))]
            under_way += len(batch)
            readers.start(batch, on_result)
            await asyncio.sleep(now + PER_TICK / RATE - loop.time())
        if under_way:
            ended.clear()
            async with asyncio.timeout(PATIENCE):
                await ended.wait()
    return came


def _request(number: int) -> ReadRequest:
    return ReadRequest(pipeline_id=PipelineId(pipeline_id(number % PIPELINES)), sequence=ReadSequence(1, number))


async def _in_one_process(served: Fleet, clock: StoreClock, seconds: float) -> Used:
    async with Client(base_url=served.url, service_key=SecretStr(KEY), max_connections=SLOTS) as api:
        readers = LocalReaders(api=api, clock=clock)
        await _drive(readers, 1.0)  # opens the connections
        before = process_time()
        reads = await _drive(readers, seconds)
        return Used(reads=reads, scheduler=process_time() - before)


async def _with_readers(served: Fleet, valkey: Valkey, clock: StoreClock, number: int, seconds: float) -> Used:
    redis, keys = connect(valkey.url, TEAM), Keys(TEAM)
    broker = BatchBroker(redis, keys.reads(source_of(f"{served.url}/", KEY)))

    def remote() -> RemoteReaders:
        return RemoteReaders(
            redis=redis,
            broker=broker,
            results=keys.read_results(uuid4().hex),
            clock=clock,
            read_seconds=5.0,
            rate=lambda: RATE,
        )

    async with _reader_processes(served, valkey, number) as pids:
        await _drive(remote(), 1.0)
        assert valkey.pid is not None
        before, readers, store = process_time(), _cpu(pids), _cpu([valkey.pid])
        reads = await _drive(remote(), seconds)
        used = Used(
            reads=reads,
            scheduler=process_time() - before,
            readers=_cpu(pids) - readers,
            valkey=_cpu([valkey.pid]) - store,
        )
    await redis.aclose()
    return used


def _cpu(pids: Sequence[int]) -> float:
    return sum(cost(pid).cpu_seconds for pid in pids)


@asynccontextmanager
async def _reader_processes(served: Fleet, valkey: Valkey, number: int) -> AsyncIterator[Sequence[int]]:
    env = os.environ | {
        "PIPELINE_BOT_ROLE": "reader",
        "PIPELINE_BOT_TEAM": TEAM,
        "PIPELINE_BOT_REQUESTS_PER_SECOND": str(RATE),
        "GOLDRUSH_API_URL": served.url,
        "GOLDRUSH_SERVICE_KEY": KEY,
        "REDIS_URL": valkey.url,
    }
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))  # without the operator's `.env`
        pids = []
        for _ in range(number):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot.cli", "run"), env=env, cwd=scratch, stderr=asyncio.subprocess.PIPE
            )
            end_with_parent(process.pid)
            stack.push_async_callback(process.wait)
            stack.callback(process.terminate)
            assert process.stderr is not None
            async with asyncio.timeout(PATIENCE):
                while b'"ready"' not in (line := await process.stderr.readline()):
                    assert line, "a reader ended during its start"
            pids.append(process.pid)
        yield pids


async def measure(run: Run) -> Results:
    seconds, results = (QUICK_SECONDS if run.quick else SECONDS), {}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        async with (
            fleet(PIPELINES) as served,
            Valkey(Path(scratch) / "redis", "--appendfsync", "everysec") as valkey,
            connect(valkey.url, TEAM) as redis,
        ):
            clock = await StoreClock.start(RedisClock(Scripts(redis, TEAM)))
            for row, number in zip(ROWS, READERS, strict=True):
                run.tell("one process")
                alone = await _in_one_process(served, clock, seconds)
                run.tell(f"{number} readers")
                shared = await _with_readers(served, valkey, clock, number, seconds)
                results[row.name] = Measurement(
                    value=shared.per_cpu_second,
                    peer=alone.per_cpu_second,
                    unit="reads/CPU s",
                    note=f"{shared}; alone {1e6 / alone.per_cpu_second:.0f}",
                )
    return results


EXPERIMENT = Experiment(name="scale-out", rows=ROWS, measure=measure, in_quick=False)
