"""Watches processes while they read the fake GoldRush, and asks the bot for a status meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

import redis.asyncio

from bench import machine
from bench.fleet import Fleet
from tests.journey.rig import Rig

ASK_EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """What some processes used while they read."""

    micros: float
    """CPU per read, in microseconds."""
    mebibytes: float
    """Resident memory."""
    per_second: float
    """Reads."""
    largest_gap: float
    """Seconds."""
    share: float
    """The processes' CPU, as a share of one core."""
    server_share: float
    """The CPU of the fake GoldRush, as a share of one core."""


async def observed(served: Fleet, pids: Iterable[int], seconds: float) -> Polling:
    """Watches the processes for `seconds`."""
    pids = tuple(pids)
    before = [machine.cost(pid) for pid in pids]
    server = machine.cost(served.pid).cpu_seconds
    await served.begin()
    await asyncio.sleep(seconds)
    after = [machine.cost(pid) for pid in pids]
    server = machine.cost(served.pid).cpu_seconds - server
    reads = await served.report()
    used = sum(cost.cpu_seconds for cost in after) - sum(cost.cpu_seconds for cost in before)
    return Polling(
        micros=1e6 * used / max(1, reads.reads),
        mebibytes=sum(cost.rss for cost in after) / 2**20,
        per_second=reads.per_second,
        largest_gap=reads.largest_gap,
        share=used / seconds,
        server_share=server / seconds,
    )


@asynccontextmanager
async def asked_meanwhile(rig: Rig, command: str) -> AsyncIterator[list[float]]:
    """Types the command every half second. The list grows by the seconds that each answer took."""
    answered: list[float] = []
    asking = asyncio.create_task(_keep_asking(rig, command, answered))
    try:
        yield answered
    finally:
        asking.cancel()
        await asyncio.wait([asking])


async def _keep_asking(rig: Rig, command: str, answered: list[float]) -> None:
    while True:
        began = monotonic()
        await rig.ask(command)
        answered.append(monotonic() - began)
        await asyncio.sleep(ASK_EVERY_SECONDS)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of all lie; infinite if there are none, since then nobody got an answer."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")


async def executed_commands(store: "redis.asyncio.Redis") -> int:
    """Commands since Redis started. The commands inside a script count too."""
    info = await store.info("commandstats")
    assert isinstance(info, dict)
    return sum(int(stats["calls"]) for stats in info.values())
