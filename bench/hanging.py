"""40 of 1,000 pipelines hang. Does the bot read the others on time, and does everything recover afterwards?

    python -m bench.hanging [--seconds 120] [--pipelines 1000] [--hanging 40] [--rate 100]

The bot's monitoring and client run in their own process, on a store in memory. GoldRush is the sandbox, over sockets.
The sandbox's log shows how late a read is: the time since the pipeline's last read, less the period of 15 s.
"""

import argparse
import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from math import ceil
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import monotonic

import structlog
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from bot.coordination.heartbeat import Heartbeat
from bot.coordination.leadership import Leadership
from bot.delivery.doubt import Doubt
from bot.domain.cadence import Cadence
from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId, TeamId, UserId, Watch
from bot.goldrush.client import Client
from bot.monitoring.budget import Budget
from bot.monitoring.monitoring import Monitoring
from bot.monitoring.scheduler import TICK_SECONDS
from bot.ports.pipeline_api import ApiError
from bot.state.repository import Repository
from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.server import Sandbox
from tests.fakes import NO_MEMBERSHIPS
from tests.proofs.memory import Disk, MemoryStore
from tests.proofs.virtual import VirtualClock

STEADY_SECONDS = 15.0
DEADLINE_SECONDS = 5.0
WARM_SECONDS = 40.0  # two rounds: the first spreads the reads
QUIET_SECONDS = 30.0  # the hanging requests have ended, and the bot has read every pipeline again
PROCESSES = multiprocessing.get_context("spawn")


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """Measurements of the polling process. `under_way` counts the requests for which the client holds a slot."""

    descriptors: int
    tasks: int
    rss_mib: float
    cpu_seconds: float
    under_way: int


@dataclass(frozen=True, kw_only=True)
class Spell:
    """One phase of the measurement: the lateness in seconds of each read of a pipeline that does not hang."""

    name: str
    reads: int
    late: list[float]
    cpu_share: float
    most_under_way: int
    fewest_tasks: int
    vitals: Vitals


# --- the process that polls ------------------------------------------------------------------------------------------


def poll(url: str, ids: list[str], rate: float, pipe: Connection) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    asyncio.run(_poll(url, [PipelineId(id_) for id_ in ids], rate, pipe))


async def _poll(url: str, ids: list[PipelineId], rate: float, pipe: Connection) -> None:
    """Answers `vitals` and `full` (how many simultaneous reads succeed) over the pipe; ends at `stop`."""
    clock, slots = VirtualClock(), ceil(rate * DEADLINE_SECONDS)  # the formula of bot/app.py
    client = Client(
        base_url=url,
        service_key=SecretStr("demo-service-key"),
        deadline_seconds=DEADLINE_SECONDS,
        max_connections=slots + 4,
    )
    async with client, _polling(client, ids, rate, slots, clock):
        while (word := await asyncio.to_thread(pipe.recv)) != "stop":
            pipe.send(_vitals(client, slots + 4) if word == "vitals" else await _at_once(client, ids[-slots - 4 :]))


@asynccontextmanager
async def _polling(
    client: Client, ids: list[PipelineId], rate: float, slots: int, clock: VirtualClock
) -> AsyncIterator[None]:
    disk = Disk(catalogue={key: Pipeline(id=key, name=key) for key in ids}, watches_version=1)
    watch = Watch(channel=ChannelId("C0FLEET"), reference="*", made_by=UserId("U0ANN"), made_at=clock.now())
    disk.watches[watch.id] = watch
    store = MemoryStore(lambda: disk, TeamId("T"), clock, 1, lambda: asyncio.sleep(0))
    repository, leadership = Repository(store, asyncio.Event()), Leadership(store, clock)
    await repository.load()
    monitoring = Monitoring(
        api=client,
        details=client,
        repository=repository,
        budget=Budget(rate, clock),
        clock=clock,
        cadence=Cadence(steady_seconds=STEADY_SECONDS),
        leadership=leadership,
        slots=slots,
    )
    heartbeat = Heartbeat.build(
        repository=repository,
        store=store,
        outbox=store,
        polling=monitoring.scheduler,
        leadership=leadership,
        clock=clock,
        blind_after=timedelta(minutes=5),
        operator=None,
        doubt=Doubt(clock),
        memberships=NO_MEMBERSHIPS,
    )
    await heartbeat.beat()
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(monitoring.scheduler.run(stopped))
        jobs = [
            tasks.create_task(_every(TICK_SECONDS, monitoring.scheduler.tick)),
            tasks.create_task(_every(2.0, heartbeat.beat)),
        ]
        try:
            yield
        finally:
            stopped.set()
            for job in jobs:
                job.cancel()


async def _every(seconds: float, run: Callable[[], Awaitable[None]]) -> None:
    while True:
        await run()
        await asyncio.sleep(seconds)


def _vitals(client: Client, slots: int) -> Vitals:
    times = os.times()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Vitals(
        descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 (the numbers, not the files)
        tasks=len(asyncio.all_tasks()),
        rss_mib=pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        cpu_seconds=times.user + times.system,
        under_way=slots - client._slots.free,  # noqa: SLF001 (the pool itself is what is measured)
    )


async def _at_once(client: Client, ids: list[PipelineId]) -> tuple[int, int]:
    """Starts one read per slot, beside the polling, and counts the successes."""
    reads = [client.status(pipeline_id) for pipeline_id in ids]
    answers = await asyncio.gather(*reads, return_exceptions=True)
    return len(answers), sum(not isinstance(status, ApiError | Exception) for status in answers)


# --- the measurement -------------------------------------------------------------------------------------------------


class Bench:
    def __init__(self, sandbox: Sandbox, pipe: Connection, hanging: frozenset[str]) -> None:
        self._sandbox = sandbox
        self._pipe = pipe
        self._hanging = hanging

    async def vitals(self) -> Vitals:
        self._pipe.send("vitals")
        vitals: Vitals = await asyncio.to_thread(self._pipe.recv)
        return vitals

    async def full(self) -> tuple[int, int]:
        """The number of simultaneous reads, and of their answers."""
        self._pipe.send("full")
        counted: tuple[int, int] = await asyncio.to_thread(self._pipe.recv)
        return counted

    async def spell(self, name: str, seconds: float) -> Spell:
        began, first = monotonic(), await self.vitals()
        last, most, fewest = first, 0, first.tasks
        while (remaining := began + seconds - monotonic()) > 0:
            await asyncio.sleep(min(5.0, remaining))
            last = await self.vitals()
            most, fewest = max(most, last.under_way), min(fewest, last.tasks)
        reads, late = self._lateness(began)
        return Spell(
            name=name,
            reads=reads,
            late=late,
            cpu_share=(last.cpu_seconds - first.cpu_seconds) / (monotonic() - began),
            most_under_way=most,
            fewest_tasks=fewest,
            vitals=last,
        )

    def _lateness(self, began: float) -> tuple[int, list[float]]:
        """Returns the lateness of the reads since `began`. The read before each may be earlier."""
        times: dict[str, list[float]] = {}
        for request in self._sandbox.goldrush.requests:
            if request.pipeline_id and request.pipeline_id not in self._hanging:
                times.setdefault(request.pipeline_id, []).append(request.at)
        gaps = [
            after - before - STEADY_SECONDS
            for time in times.values()
            for before, after in pairwise(time)
            if after >= began
        ]
        return len(gaps), sorted(gaps)


async def measure(pipelines: int, hanging: int, rate: float, seconds: float, out: Console) -> None:
    async with Sandbox.start() as sandbox:
        sandbox.goldrush.rate_limit = None
        sandbox.goldrush.pipelines.clear()
        ids = [sandbox.goldrush.add(name=f"fleet-{number:04}").id for number in range(pipelines)]
        stuck = frozenset(ids[:hanging])
        pipe, theirs = PROCESSES.Pipe()
        process = PROCESSES.Process(target=poll, args=(sandbox.url, ids, rate, theirs), daemon=True)
        process.start()
        bench = Bench(sandbox, pipe, stuck)
        await asyncio.sleep(WARM_SECONDS)
        spells = [await bench.spell("before", 60)]
        for name in stuck:
            sandbox.goldrush.set_fault(Fault(kind=FaultKind.HANG), name)
        spells.append(await bench.spell(f"{hanging} hang", seconds))
        for name in stuck:
            sandbox.goldrush.set_fault(None, name)
        await asyncio.sleep(QUIET_SECONDS)
        spells.append(await bench.spell("after", 60))
        sent, answered = await bench.full()
        pipe.send("stop")
        await asyncio.to_thread(process.join)
    out.print(_table(spells))
    out.print(f"at once, beside the polling: {sent} reads asked for, {answered} answered")
    out.print(f"load of the machine (1, 5, 15 minutes): {os.getloadavg()}")


def _table(spells: list[Spell]) -> Table:
    heads = (
        "",
        "reads",
        "late p50",
        "p99",
        "most",
        "descriptors",
        "tasks, fewest",
        "under way, most",
        "RSS MiB",
        "CPU",
    )
    table = Table(*heads)
    for spell in spells:
        late, vitals = spell.late, spell.vitals
        table.add_row(
            spell.name,
            str(spell.reads),
            f"{median(late):.2f} s",
            f"{late[int(len(late) * 0.99)]:.2f} s",
            f"{late[-1]:.2f} s",
            str(vitals.descriptors),
            str(spell.fewest_tasks),
            str(spell.most_under_way),
            f"{vitals.rss_mib:.1f}",
            f"{100 * spell.cpu_share:.0f} %",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long they hang; 600 by hand")
    parser.add_argument("--pipelines", type=int, default=1000)
    parser.add_argument("--hanging", type=int, default=40)
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second that the bot may spend")
    given = parser.parse_args()
    asyncio.run(measure(given.pipelines, given.hanging, given.rate, given.seconds, Console(width=120)))


if __name__ == "__main__":
    main()
