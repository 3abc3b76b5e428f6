"""From a failure's page to its diagnosis, also without a usable log; and the page with and without diagnoses.

    python -m bench --only diagnosis

Each pipeline has a channel of its own, so no message waits for another one. In the pairs, two bots take turns in random
order, each with a sandbox of its own: one diagnoses, the other one does not.
"""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

from bench.bot_process import command, open_channels
from bench.experiment import Absent, Experiment, Measurement, Results, Row, Run, at_most
from bench.machine import cost
from bench.observe import percentile
from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.server import Sandbox
from sandbox.slack.journal import Accepted
from tests.journey.rig import Rig

LIMIT_SECONDS = 10.0  # from the page to the card that says why
SETTINGS = {
    "PIPELINE_BOT_STEADY_SECONDS": "1",
    "PIPELINE_BOT_TRANSIENT_SECONDS": "1",
    "PIPELINE_BOT_REQUESTS_PER_SECOND": "100",
    "PIPELINE_BOT_COMMANDS_PER_MINUTE": "10000",
}
LOGS: Mapping[str, FaultKind | None] = {
    "healthy": None,
    "hang": FaultKind.HANG,
    "10 MB": FaultKind.HUGE,
    "HTML": FaultKind.NOT_JSON,
    "429": FaultKind.THROTTLED,
}
FAILURES, QUICK_FAILURES = 40, 3
PAIRS, QUICK_PAIRS = 40, 3
BURST, BURST_CHANNELS = 200, 3
GAP_SECONDS = 1.5  # between two failures
BURST_SETTLE_SECONDS = 45.0
PATIENCE_SECONDS = 180.0
SEED = 12
WITHOUT = """
import runpy
from bot.monitoring.diagnoses import Diagnoses

async def serve(self): pass

Diagnoses.notice = lambda self, record: None
Diagnoses.serve = serve
runpy.run_module("bot.cli", run_name="__main__")
"""
DETAILS = ("/logs/", "/metrics/", "/destination-health/")


@dataclass(slots=True)
class Side:
    """One bot of a pair, and what its failures took."""

    rig: Rig
    delays: list[float] = field(default_factory=list)
    """From the read that found the failure to its page, in seconds."""
    cpu_seconds: list[float] = field(default_factory=list)
    """Of the bot, in the turn of each failure."""
    idle_seconds: list[float] = field(default_factory=list)
    """Of the bot, in the other one's turns."""


@asynccontextmanager
async def _bot(names: Sequence[str], *, diagnoses: bool = True) -> AsyncIterator[Rig]:
    """A bot on a sandbox with these pipelines, without Slack's limits."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        async with Sandbox.start() as sandbox:
            sandbox.goldrush.rate_limit = None
            sandbox.slack.limits.enabled = False
            for name in names:
                sandbox.goldrush.add(name=name, project=name)
            program = ("-m", "bot.cli") if diagnoses else ("-c", WITHOUT)
            rig = Rig(sandbox, Path(scratch) / "data", http=False, settings=SETTINGS, program=program)
            await rig.start()
            try:
                yield rig
            finally:
                await rig.stop()


async def _watch_each(rig: Rig, names: Sequence[str]) -> None:
    """Each pipeline in a channel of its own, with a page."""
    open_channels(rig.sandbox, map(_channel, names))
    for name in names:
        await command(rig, _channel(name), f"watch {name} page @bob")


def _channel(name: str) -> str:
    return f"C0{name.upper().replace('-', '')}"


def _writes(rig: Rig, channel: str) -> list[Accepted]:
    return [one for one in rig.sandbox.slack.accepted if one.channel == channel]


async def _page(rig: Rig, name: str) -> Accepted:
    def posted() -> Accepted | None:
        texts = (one for one in _writes(rig, _channel(name)) if one.method == "chat.postMessage")
        return next((one for one in texts if f"{name} failed" in one.text), None)

    found = await rig.sandbox.until(posted, PATIENCE_SECONDS)
    assert found is not None
    return found


async def _explained(rig: Rig, name: str) -> float:
    """When the card said why the pipeline failed, or why the bot can't say. The page itself may say it already."""

    def explained() -> Accepted | None:
        cards = [one for one in _writes(rig, _channel(name)) if one.thread_ts is None and f"{name} failed" in one.text]
        return next((one for one in cards if "Cause" in one.text or "read its log" in one.text), None)

    found = await rig.sandbox.until(explained, PATIENCE_SECONDS)
    assert found is not None
    return found.at


async def _seconds_to_diagnosis(kind: FaultKind | None, failures: int) -> list[float]:
    names = [f"why-{number:03}" for number in range(failures)]
    async with _bot(names) as rig:
        await _watch_each(rig, names)
        if kind:
            rig.sandbox.goldrush.set_fault(Fault(kind=kind, route="logs"))

        async def fail(name: str, after: float) -> float:
            await asyncio.sleep(after)
            rig.set_phase(name, "FAILED")
            page = await _page(rig, name)
            return await _explained(rig, name) - page.at

        return await asyncio.gather(*(fail(name, place * GAP_SECONDS) for place, name in enumerate(names)))


async def _pairs(number: int) -> tuple[Side, Side]:
    names = [f"pair-{place:03}" for place in range(number)]
    chance = random.Random(SEED)  # noqa: S311 (a sample, no secret)
    async with _bot(names) as one, _bot(names, diagnoses=False) as other:
        sides = Side(one), Side(other)
        for side in sides:
            await _watch_each(side.rig, names)
        for name in names:
            for side in chance.sample(sides, 2):
                before = [_cpu(measured) for measured in sides]
                await _fail_once(side, name)
                used = [_cpu(measured) - was for measured, was in zip(sides, before, strict=True)]
                for measured, seconds in zip(sides, used, strict=True):
                    (measured.cpu_seconds if measured is side else measured.idle_seconds).append(seconds)
        return sides


async def _fail_once(side: Side, name: str) -> None:
    rig = side.rig
    pipeline_id, failed_at = rig.pipeline(name), rig.sandbox.goldrush.clock.monotonic()
    rig.set_phase(name, "FAILED")
    page = await _page(rig, name)
    reads = (one for one in rig.sandbox.goldrush.requests if one.pipeline_id == pipeline_id and one.at >= failed_at)
    side.delays.append(page.at - next(one.at for one in reads if one.path.endswith("/status/")))
    await asyncio.sleep(2 * GAP_SECONDS)  # the diagnosis belongs to this turn
    rig.set_phase(name, "RUNNING")
    await asyncio.sleep(GAP_SECONDS)


def _cpu(side: Side) -> float:
    assert side.rig.process is not None
    return cost(side.rig.process.pid).cpu_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Many failures at once, in channels that watch all of them."""

    last_page: float
    posts: int
    updates: int
    details: int
    """Requests for logs, metrics and health."""
    cpu_seconds: float


async def _burst(*, diagnoses: bool) -> Burst:
    names = [f"burst-{number:03}" for number in range(BURST)]
    async with _bot(names, diagnoses=diagnoses) as rig:
        channels = [f"C0BURST{number}" for number in range(BURST_CHANNELS)]
        open_channels(rig.sandbox, channels)
        for channel in channels:
            await command(rig, channel, "watch burst-* page @bob")
        await rig.reads(2 * BURST)
        rig.sandbox.slack.limits.enabled = True
        slack, side = rig.sandbox.slack, Side(rig)
        requests, calls, cpu = len(rig.sandbox.goldrush.requests), len(slack.accepted), _cpu(side)
        began = slack.clock.monotonic()
        for name in names:
            rig.set_phase(name, "FAILED")
        last = await _told_of_all(rig, channels)
        await asyncio.sleep(BURST_SETTLE_SECONDS)
        writes = slack.accepted[calls:]
        reads = rig.sandbox.goldrush.requests[requests:]
        return Burst(
            last_page=last - began,
            posts=sum(one.method == "chat.postMessage" for one in writes),
            updates=sum(one.method == "chat.update" for one in writes),
            details=sum(one.path.endswith(DETAILS) for one in reads),
            cpu_seconds=_cpu(side) - cpu,
        )


async def _told_of_all(rig: Rig, channels: Sequence[str]) -> float:
    """Waits until the group's message in each channel counts all failures, and returns when."""

    def counted() -> float | None:
        writes = [one for one in rig.sandbox.slack.accepted if f"{BURST} pipelines failed" in one.text]
        times = [next((one.at for one in writes if one.channel == channel), None) for channel in channels]
        found = [at for at in times if at is not None]
        return max(found) if len(found) == len(channels) else None

    last = await rig.sandbox.until(counted, PATIENCE_SECONDS)
    assert last is not None
    return last


async def measure(run: Run) -> Results:
    results: dict[str, Measurement | Absent] = {}
    for words, kind in LOGS.items():
        run.tell(f"logs: {words}")
        seconds = await _seconds_to_diagnosis(kind, QUICK_FAILURES if run.quick else FAILURES)
        note = f"p50 {median(seconds):.2f} s, max {max(seconds):.2f} s of {len(seconds)}"
        value = percentile(seconds, 0.99)
        results[_row(words).name] = Measurement(value=value, peer=LIMIT_SECONDS, unit="s", note=note)
    run.tell("pairs")
    one, other = await _pairs(QUICK_PAIRS if run.quick else PAIRS)
    gaps = sorted(a - b for a, b in zip(one.delays, other.delays, strict=True))
    note = f"median difference {1000 * median(gaps):+.1f} ms of {len(gaps)} pairs"
    results[PAGE.name] = Measurement(
        value=1000 * median(one.delays), peer=1000 * median(other.delays), unit="ms", note=note
    )
    spent, without = (fmean(side.cpu_seconds) - fmean(side.idle_seconds) for side in (one, other))
    results[CPU.name] = Measurement(value=1000 * spent, peer=1000 * without, unit="ms")
    if run.quick:
        return {**results, LAST.name: Absent("only in a full run")}
    run.tell("a burst")
    burst, plain = await _burst(diagnoses=True), await _burst(diagnoses=False)
    note = f"{burst.posts} posts, {burst.updates} updates, {burst.details} requests, {burst.cpu_seconds:.1f} s of CPU; "
    note += f"without {plain.posts} posts, {plain.updates} updates, {plain.cpu_seconds:.1f} s"
    results[LAST.name] = Measurement(value=burst.last_page, peer=plain.last_page, unit="s", note=note)
    return results


def _row(words: str) -> Row:
    return Row(
        name=f"diagnosis-{words.lower().replace(' ', '-')}",
        label="G10",
        what=f"from the page to the card that says why, p99; logs: {words}",
        against="the limit",
        goal=at_most(1.0),
    )


PAGE = Row(
    name="diagnosis-page",
    label="G10",
    what="from the read to the page, median",
    against="without diagnoses",
    goal=at_most(1.1),
)
CPU = Row(name="diagnosis-cpu", label="G10", what="CPU per failure and recovery", against="without diagnoses")
LAST = Row(
    name="diagnosis-burst",
    label="G10",
    what=f"{BURST} failures at once, {BURST_CHANNELS} channels: until the group counts all",
    against="without diagnoses",
    goal=at_most(1.1),
)
EXPERIMENT = Experiment(
    name="diagnosis",
    rows=(*map(_row, LOGS), PAGE, CPU, LAST),
    measure=measure,
    rounds=1,
    in_quick=False,
)
