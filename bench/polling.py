"""What a read costs: 2,000 pipelines, each read every 5 s, by the bot with all features and by its peers.

    python -m bench --only polling

All of them read the same fake GoldRush, one after the other. The costs are CPU seconds and resident memory from /proc.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from bench import machine
from bench.bot_process import RunningBot, paced, running_bot, watch_everything
from bench.experiment import Absent, Experiment, Measurement, Results, Row, Run, at_least, at_most
from bench.fleet import Fleet, fleet
from bench.observe import Polling, observed
from bench.prometheus import PeerFailedError, missing, prometheus
from sandbox.child_processes import end_with_parent

PIPELINES = 2000
PERIOD = 5.0
"""Seconds between two reads of one pipeline."""
MEASURED_SECONDS = 20.0
QUICK_SECONDS = 5.0
QUICK_BY_HAND_SECONDS = 2.5  # these read evenly from the start
BUSY_PROCESSES = 2
PROMETHEUS = "Prometheus + blackbox_exporter"

CPU = Row(
    name="read-cpu", label="G1", what="CPU per read, all features enabled", against=PROMETHEUS, goal=at_most(1 / 10)
)
MEMORY = Row(name="read-memory", label="G1", what="resident memory", against=PROMETHEUS, goal=at_most(1 / 3))
BUSY = Row(
    name="read-busy",
    label="G1",
    what=f"reads/s next to {BUSY_PROCESSES} busy processes",
    against="asked for",
    goal=at_least(0.99),
)
SOCKETS = Row(
    name="read-sockets", label="G2", what="CPU per read", against="asyncio sockets by hand", goal=at_most(4.0)
)
AIOHTTP = Row(name="read-aiohttp", label="G2", what="CPU per read", against="aiohttp by hand")


async def measure(run: Run) -> Results:
    seconds = QUICK_SECONDS if run.quick else MEASURED_SECONDS
    async with fleet(PIPELINES) as served:
        run.tell("the bot")
        async with running_bot(served, paced(PIPELINES, PERIOD)) as bot:
            await watch_everything(bot)
            await _until_steady(served)
            ours, valkey = await _with_valkey(served, bot, seconds)
            run.tell("the bot beside busy processes")
            with machine.busy(BUSY_PROCESSES):
                await asyncio.sleep(0 if run.quick else PERIOD)
                beside = await observed(served, [bot.pid], seconds)
        by_hand = QUICK_BY_HAND_SECONDS if run.quick else seconds
        run.tell("asyncio sockets")
        sockets = await _by_hand(served, "sockets", by_hand)
        run.tell("aiohttp")
        aiohttp = await _by_hand(served, "aiohttp", by_hand)
        run.tell(PROMETHEUS)
        peer = await _by_prometheus(served, seconds)
    rate = PIPELINES / PERIOD
    note = f"{ours.per_second:.0f}/s; Valkey's {valkey:.0f} µs not counted"
    return {
        CPU.name: _beside(ours.micros, peer, "micros", "µs", note),
        MEMORY.name: _beside(ours.mebibytes, peer, "mebibytes", "MiB", ""),
        BUSY.name: Measurement(
            value=beside.per_second, peer=rate, unit="reads/s", note=f"largest gap {beside.largest_gap:.1f} s"
        ),
        SOCKETS.name: Measurement(value=ours.micros, peer=sockets.micros, unit="µs", note=_rate(sockets)),
        AIOHTTP.name: Measurement(value=ours.micros, peer=aiohttp.micros, unit="µs", note=_rate(aiohttp)),
    }


async def _until_steady(served: Fleet) -> None:
    """The bot has read each pipeline twice. The first reads write their states, and the second round is even."""
    for _ in range(2):
        await served.until_read(PIPELINES)


async def _with_valkey(served: Fleet, bot: RunningBot, seconds: float) -> tuple[Polling, float]:
    """The bot's cost, and the store's microseconds per read."""
    valkey = bot.valkey.pid
    before = machine.cost(valkey).cpu_seconds
    ours = await observed(served, [bot.pid], seconds)
    used = machine.cost(valkey).cpu_seconds - before
    return ours, 1e6 * used / max(1.0, ours.per_second * seconds)


async def _by_hand(served: Fleet, kind: str, seconds: float) -> Polling:
    async with _plain_reader(served, kind) as pid:
        await served.until_read(1)
        return await observed(served, [pid], seconds)


@asynccontextmanager
async def _plain_reader(served: Fleet, kind: str) -> AsyncIterator[int]:
    address = urlsplit(served.url)
    arguments = (kind, str(address.hostname), str(address.port), str(PIPELINES), f"{PERIOD:g}")
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.plain_readers", *arguments)
    end_with_parent(process.pid)
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


async def _by_prometheus(served: Fleet, seconds: float) -> Polling | str:
    """The reason, if it can't be measured."""
    if reason := missing():
        return reason
    try:
        async with prometheus(served, PIPELINES, PERIOD) as pids:
            return await observed(served, pids, seconds)
    except PeerFailedError as exc:
        return str(exc)


def _beside(value: float, peer: Polling | str, field: str, unit: str, note: str) -> Measurement | Absent:
    if isinstance(peer, str):
        return Absent(peer, value, unit)
    whole = f"{note}; {_rate(peer)}" if note else _rate(peer)
    return Measurement(value=value, peer=float(getattr(peer, field)), unit=unit, note=whole)


def _rate(peer: Polling) -> str:
    return f"peer {peer.per_second:.0f}/s"


EXPERIMENT = Experiment(name="polling", rows=(CPU, MEMORY, BUSY, SOCKETS, AIOHTTP), measure=measure)
