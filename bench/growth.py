"""Growth from 100 to 100,000 pipelines, by one pattern and by a watch each: start, idle CPU, memory and answers.

    python -m bench --only growth

Each fleet has the real bot as a process, a Valkey and a GoldRush of its own. The bots of one round are idle at the
same time, so that all see the same load of the machine.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import redis.asyncio

from bench.bot_process import DEFAULTS, command, open_channels
from bench.experiment import Experiment, Measurement, Results, Row, Run, at_most
from bench.fleet import Fleet, fleet
from bench.large_fleet import CHANNELS, PROJECTS, Shape, channel_of, filled
from bench.machine import cost
from bench.observe import executed_commands
from sandbox.server import Sandbox
from tests.journey.rig import ALERTS, ANN, TEAM, Rig
from tests.journey.valkey import Valkey

SMALL, LARGE, QUICK_LARGE = 100, 100_000, 3000
IDLE_SECONDS, QUICK_IDLE_SECONDS = 30.0, 4.0
FLAT = 1.3
START_SECONDS = 5.0
ANSWER_SECONDS = 1.0
ACK_SECONDS = 0.1
HELP_SECONDS = 0.2  # between two questions for `help` while the bot works on another answer
REDIS_BYTES, RSS_BYTES = 1.5 * 1024, 2.0 * 1024
PATIENCE_SECONDS = 120.0
SETTINGS = {
    **DEFAULTS,
    "PIPELINE_BOT_REQUESTS_PER_SECOND": "4",
    "PIPELINE_BOT_MAX_WATCHES_PER_CHANNEL": "10000",
    "PIPELINE_BOT_MAX_PATTERNS_PER_CHANNEL": "10000",
}
NAME, UNWATCHED, WORDS = Fleet.name(7), Fleet.name(11), "fleet-0000"
COMMANDS = (
    f"status {NAME}",
    "status flet-0000o7",
    "status",
    "list",
    f"list {WORDS}",
    f"watch {UNWATCHED}",
    "watches",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What the bot used while nothing happened."""

    share: float
    """Of a core."""
    rss: int
    """Bytes."""
    commands_per_read: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Seconds from each command to its answer, and of the slowest acknowledgement of a `help` asked meanwhile."""

    seconds: dict[str, float]
    ack: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """A bot that reads."""

    rig: Rig
    fleet: Fleet
    valkey: Valkey
    pipelines: int
    redis: int
    """Bytes that Redis used for the fleet, before the bot started."""
    start: float
    """Seconds from the start of the process to its first read."""
    start_cpu: float

    async def idle(self, seconds: float) -> Idle:
        assert self.rig.process is not None
        pid = self.rig.process.pid
        async with redis.asyncio.Redis.from_url(self.valkey.url) as client:
            await self.fleet.begin()
            commands, cpu, began = await executed_commands(client), cost(pid).cpu_seconds, monotonic()
            await asyncio.sleep(seconds)
            used, passed = cost(pid), monotonic() - began
            commands = await executed_commands(client) - commands
        reads = (await self.fleet.report()).reads
        return Idle(share=(used.cpu_seconds - cpu) / passed, rss=used.rss, commands_per_read=commands / max(1, reads))

    async def answers(self) -> Answers:
        seconds, acks = {}, []
        for text in COMMANDS:
            began = monotonic()
            answering = asyncio.create_task(command(self.rig, ALERTS, text))
            while not answering.done():
                began_help = monotonic()
                await self.rig.sandbox.slack.run_command(ANN, TEAM, "/pipeline", "help")
                acks.append(monotonic() - began_help)
                await asyncio.wait([answering], timeout=HELP_SECONDS)
            await answering
            seconds[text] = monotonic() - began
        return Answers(seconds=seconds, ack=max(acks))


@asynccontextmanager
async def _bot(pipelines: int, shape: Shape) -> AsyncIterator[Bot]:
    """Fills a Valkey, and starts a bot on it."""
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        valkey = await stack.enter_async_context(Valkey(scratch / "redis", "--appendfsync", "everysec"))
        served = await stack.enter_async_context(fleet(pipelines, projects=PROJECTS))
        sandbox = await stack.enter_async_context(Sandbox.start())
        if shape is Shape.CHANNELS:
            open_channels(sandbox, map(channel_of, range(1, CHANNELS)))
        used = await filled(valkey.url, pipelines, shape)
        addresses = {"GOLDRUSH_API_URL": served.url, "REDIS_URL": valkey.url}
        rig = Rig(sandbox, scratch / "data", http=False, settings={**SETTINGS, **addresses})
        began = monotonic()
        await rig.start()
        assert rig.process is not None
        stack.push_async_callback(rig.stop)
        await served.until_read(1, PATIENCE_SECONDS)
        yield Bot(
            rig=rig,
            fleet=served,
            valkey=valkey,
            pipelines=pipelines,
            redis=used,
            start=monotonic() - began,
            start_cpu=cost(rig.process.pid).cpu_seconds,
        )


def _row(name: str, what: str, against: str, goal: float | None = 1.0) -> Row:
    return Row(name=f"growth-{name}", label="G8", what=what, against=against, goal=at_most(goal) if goal else None)


def _rows(suffix: str, shape: Shape) -> tuple[Row, ...]:
    return (
        _row(f"start{suffix}", f"start to reading, 100,000 by {shape.value}", "the limit"),
        _row(f"idle{suffix}", f"CPU of ticking at 4 req/s, 100,000 by {shape.value}", "100 pipelines", FLAT),
        _row(f"rss{suffix}", f"resident memory per pipeline, 100,000 by {shape.value}", "the limit"),
        _row(f"redis{suffix}", f"Redis memory per pipeline, 100,000 by {shape.value}", "the limit"),
        _row(f"commands{suffix}", f"Redis commands per read, 100,000 by {shape.value}", "100 pipelines", None),
        *_answer_rows(suffix, shape),
    )


def _answer_rows(suffix: str, shape: Shape) -> tuple[Row, ...]:
    return (
        _row(f"answer{suffix}", f"the slowest answer, {shape.value}", "the limit"),
        _row(f"ack{suffix}", f"slowest acknowledgement beside an answer, {shape.value}", "the limit"),
    )


async def measure(run: Run) -> Results:
    large = QUICK_LARGE if run.quick else LARGE
    fleets = [(size, shape) for shape in (Shape.PATTERN, Shape.CHANNELS) for size in (SMALL, large)]
    fleets.append((large, Shape.ONE_CHANNEL))
    async with AsyncExitStack() as stack:
        bots = []
        for size, shape in fleets:  # one after the other, since each start is measured
            run.tell(f"{size:,} by {shape.value}")
            bots.append(await stack.enter_async_context(_bot(size, shape)))
        run.tell("idle")
        idle = await asyncio.gather(*(bot.idle(QUICK_IDLE_SECONDS if run.quick else IDLE_SECONDS) for bot in bots))
        run.tell("answers")
        answers = [await bot.answers() for bot in bots]
    return {
        **_results("", bots[0:2], idle[0:2], answers[1]),
        **_results("-watches", bots[2:4], idle[2:4], answers[3]),
        **_answer_results("-one-channel", answers[4]),
    }


def _results(suffix: str, bots: Sequence[Bot], idle: Sequence[Idle], answers: Answers) -> Results:
    (small, large), (small_idle, large_idle) = bots, idle
    note = f"{small_idle.rss / 2**20:.0f} MiB at {small.pipelines}, {large_idle.rss / 2**20:.0f} at {large.pipelines}"
    return {
        f"growth-start{suffix}": Measurement(
            value=large.start,
            peer=START_SECONDS,
            unit="s",
            note=f"{large.start_cpu:.1f} s of CPU; {small.start:.1f} s at 100",
        ),
        f"growth-idle{suffix}": Measurement(value=100 * large_idle.share, peer=100 * small_idle.share, unit="%"),
        f"growth-rss{suffix}": Measurement(
            value=(large_idle.rss - small_idle.rss) / (large.pipelines - small.pipelines),
            peer=RSS_BYTES,
            unit="bytes",
            note=note,
        ),
        f"growth-redis{suffix}": Measurement(value=large.redis / large.pipelines, peer=REDIS_BYTES, unit="bytes"),
        f"growth-commands{suffix}": Measurement(
            value=large_idle.commands_per_read, peer=small_idle.commands_per_read, unit="commands"
        ),
        **_answer_results(suffix, answers),
    }


def _answer_results(suffix: str, answers: Answers) -> Results:
    note = ", ".join(f"{text} {seconds:.2f}" for text, seconds in answers.seconds.items())
    return {
        f"growth-answer{suffix}": Measurement(
            value=max(answers.seconds.values()), peer=ANSWER_SECONDS, unit="s", note=note
        ),
        f"growth-ack{suffix}": Measurement(value=answers.ack, peer=ACK_SECONDS, unit="s"),
    }


EXPERIMENT = Experiment(
    name="growth",
    rows=(
        *_rows("", Shape.PATTERN),
        *_rows("-watches", Shape.CHANNELS),
        *_answer_rows("-one-channel", Shape.ONE_CHANNEL),
    ),
    measure=measure,
    in_quick=False,
)
