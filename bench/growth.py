"""Growth from 100 to 100,000 pipelines, by one pattern and by a watch each: start, idle CPU, memory and answers.

    python -m bench --only growth

Each fleet is a bot of its own with a Valkey of its own. The bots of one round are idle at the same time, so that all
see the same load of the machine. All times are CPU times.
"""

import asyncio
import json
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.experiment import Experiment, Measurement, Results, Row, Run, at_most
from bench.large_fleet import Shape, filled
from tests.journey.valkey import Valkey

SMALL, LARGE, QUICK_LARGE = 100, 100_000, 3000
IDLE_SECONDS, QUICK_IDLE_SECONDS = 30.0, 4.0
FLAT = 1.3
START_SECONDS = 5.0
ANSWER_SECONDS = 1.0
BLOCK_SECONDS = 0.1
REDIS_BYTES, RSS_BYTES = 1.5 * 1024, 2.0 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One bot's figures. CPU times in seconds, memory in bytes."""

    pipelines: int
    redis: int
    start: float
    """From the begin of the process to its first read."""
    led: int
    """How often it became the leader: more than once if it lost its lease."""
    idle_share: float
    rss: int
    commands_per_read: float
    answers: dict[str, float]
    blocks: dict[str, float]
    """How long each answer held the event loop at most."""


def _row(name: str, what: str, against: str, goal: float | None = 1.0) -> Row:
    return Row(name=f"growth-{name}", label="G8", what=what, against=against, goal=at_most(goal) if goal else None)


def _rows(suffix: str, shape: Shape) -> tuple[Row, ...]:
    return (
        _row(f"start{suffix}", f"start to reading, CPU, 100,000 by {shape.value}", "the limit"),
        _row(f"idle{suffix}", f"CPU of ticking at 4 req/s, 100,000 by {shape.value}", "100 pipelines", FLAT),
        _row(f"rss{suffix}", f"resident memory per pipeline, 100,000 by {shape.value}", "the limit"),
        _row(f"redis{suffix}", f"Redis memory per pipeline, 100,000 by {shape.value}", "the limit"),
        _row(f"commands{suffix}", f"Redis commands per read, 100,000 by {shape.value}", "100 pipelines", None),
        *_answer_rows(suffix, shape),
    )


def _answer_rows(suffix: str, shape: Shape) -> tuple[Row, ...]:
    return (
        _row(f"answer{suffix}", f"CPU of the slowest answer, {shape.value}", "the limit"),
        _row(f"block{suffix}", f"longest stop of the event loop by an answer, {shape.value}", "the limit"),
    )


async def measure(run: Run) -> Results:
    large = QUICK_LARGE if run.quick else LARGE
    fleets = [(size, shape) for shape in (Shape.PATTERN, Shape.CHANNELS) for size in (SMALL, large)]
    fleets.append((large, Shape.ONE_CHANNEL))
    seconds = QUICK_IDLE_SECONDS if run.quick else IDLE_SECONDS
    async with AsyncExitStack() as stack:
        run.tell("filling and starting")
        starting = [stack.enter_async_context(_bot(size, shape, seconds)) for size, shape in fleets]
        # One after the other, since each start is measured. A quick run has no time for that.
        bots = await asyncio.gather(*starting) if run.quick else [await bot for bot in starting]
        run.tell("idle")
        lives = await asyncio.gather(*(bot.measured() for bot in bots))
    pattern, channels, one_channel = lives[0:2], lives[2:4], lives[4]
    return {
        **_results("", *pattern),
        **_results("-watches", *channels),
        **_answer_results("-one-channel", one_channel),
    }


def _results(suffix: str, small: Life, large: Life) -> Results:
    more = large.pipelines - small.pipelines
    return {
        f"growth-start{suffix}": Measurement(
            value=large.start, peer=START_SECONDS, unit="CPU s", note=f"led {large.led} times" if large.led > 1 else ""
        ),
        f"growth-idle{suffix}": Measurement(value=100 * large.idle_share, peer=100 * small.idle_share, unit="%"),
        f"growth-rss{suffix}": Measurement(
            value=(large.rss - small.rss) / more,
            peer=RSS_BYTES,
            unit="bytes",
            note=f"{small.rss / 2**20:.0f} MiB at {small.pipelines}, {large.rss / 2**20:.0f} MiB at {large.pipelines}",
        ),
        f"growth-redis{suffix}": Measurement(value=large.redis / large.pipelines, peer=REDIS_BYTES, unit="bytes"),
        f"growth-commands{suffix}": Measurement(
            value=large.commands_per_read, peer=small.commands_per_read, unit="commands"
        ),
        **_answer_results(suffix, large),
    }


def _answer_results(suffix: str, life: Life) -> Results:
    slowest = max(life.answers, key=life.answers.__getitem__)
    blocking = max(life.blocks, key=life.blocks.__getitem__)
    all_answers = ", ".join(f"{command} {seconds:.2f}" for command, seconds in life.answers.items())
    return {
        f"growth-answer{suffix}": Measurement(
            value=life.answers[slowest], peer=ANSWER_SECONDS, unit="CPU s", note=all_answers
        ),
        f"growth-block{suffix}": Measurement(
            value=life.blocks[blocking], peer=BLOCK_SECONDS, unit="CPU s", note=blocking
        ),
    }


@dataclass(frozen=True, slots=True)
class _Bot:
    """A started bot, which waits to be measured."""

    process: asyncio.subprocess.Process
    pipelines: int
    redis: int

    async def measured(self) -> Life:
        out, _ = await self.process.communicate(b"measure\n")
        if self.process.returncode != 0:
            raise RuntimeError(f"the bot on {self.pipelines} pipelines ended with {self.process.returncode}")
        return Life(pipelines=self.pipelines, redis=self.redis, **json.loads(out))


@asynccontextmanager
async def _bot(pipelines: int, shape: Shape, idle_seconds: float) -> AsyncIterator[_Bot]:
    """Fills a Valkey, and starts a bot on it, which reads for a while before it waits."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        async with Valkey(Path(scratch) / "redis", "--appendfsync", "no") as valkey:
            used = await filled(valkey.url, pipelines, shape)
            arguments = ("-m", "bench.growth_life", valkey.url, str(pipelines), str(idle_seconds))
            process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=PIPE, stdout=PIPE)
            assert process.stdout is not None
            await process.stdout.readline()
            yield _Bot(process, pipelines, used)


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
