"""1,000 pipelines fail at once, and each of 20 channels watches all of them. Meanwhile a person asks for the status.

    python -m bench --only many-failures
    python -m bench.group [--pipelines 1000] [--channels 20] [--rate 80]

The sandbox enforces Slack's limits (1 message a second per channel, 300 a minute in the workspace) and answers 429
beyond them. The bot's own rates set a floor for the last message: the fewest messages, at the rate of the workspace.
"""

import argparse
import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import redis.asyncio
from rich.console import Console

from bench.bot_process import RunningBot, command, open_channels, paced, running_bot
from bench.experiment import Absent, Experiment, Measurement, Results, Row, Run, at_most
from bench.fleet import fleet
from bench.machine import cost
from bench.observe import percentile
from bot.delivery.rate_limiter import BURST_MINUTES
from bot.domain.backlog import ENTRIES_PER_MESSAGE
from bot.ports.rate_limits import Method
from bot.slack.outbound.limits import SLACK_LIMITS
from tests.journey.rig import ALERTS, ANN, Rig

ACK_SECONDS, ANSWER_SECONDS = 0.1, 0.5  # the goals; Slack itself allows 3 s
CPU_SECONDS = 20.0
COMMANDS_PER_POST = 100.0
POLLED, POLLING_PERIOD = 2000, 5.0  # pipelines, and seconds between two reads of one
PATIENCE_SECONDS = 1200.0
_FAILED = re.compile(r"(fleet-\d+) failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How many failures, in how many channels that each watch all pipelines, and how fast the bot reads."""

    pipelines: int = 1000
    channels: int = 20
    rate: float = 80.0
    """Requests a second."""

    @property
    def floor_seconds(self) -> float:
        """The time that the bot's own rates need for the fewest messages."""
        per_channel = math.ceil(self.pipelines / ENTRIES_PER_MESSAGE)
        per_minute = SLACK_LIMITS.per_minute[Method.POST]
        at_once = per_minute * BURST_MINUTES
        in_workspace = (self.channels * per_channel - at_once) * 60 / per_minute
        return max(in_workspace, per_channel * SLACK_LIMITS.spacing_seconds)


@dataclass(slots=True)
class Questions:
    """The seconds of each `/pipeline status`: until the acknowledgement, and until the answer."""

    acknowledged: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    too_late: int = 0
    """Slack got no acknowledgement in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What happened after the failures."""

    seconds: tuple[float, ...]
    """When each channel learned of each failure, in order."""
    posts: int
    updates: int
    limited: int
    """How often Slack answered 429."""
    cpu_seconds: float
    redis_cpu_seconds: float
    peak_megabytes: float
    commands: Counter[str]
    """Redis commands by name, those inside scripts included."""
    questions: Questions


async def measure(run: Run) -> Results:
    case = Case(pipelines=120, channels=3) if run.quick else Case()
    polling = None
    if not run.quick:
        run.tell("full polling")
        polling = await while_polling(30.0)
    run.tell(f"{case.pipelines} failures")
    burst = await many_failures(case)
    commands = burst.commands.total() / burst.posts
    used = f"{burst.posts} posts, {burst.updates} updates, {burst.limited} × 429"
    spent = f"Redis {burst.redis_cpu_seconds:.1f} s; peak {burst.peak_megabytes:.0f} MB"
    results: dict[str, Measurement | Absent] = {
        LAST.name: Measurement(value=burst.seconds[-1], peer=case.floor_seconds, unit="s", note=used),
        CPU.name: Measurement(value=burst.cpu_seconds, peer=CPU_SECONDS, unit="s", note=spent),
        COMMANDS.name: Measurement(value=commands, peer=COMMANDS_PER_POST, unit="commands"),
    }
    if run.quick:  # a few failures fill no messages, and their reads take longer than their messages
        full = (*POLLING_ROWS, LAST, CPU, COMMANDS)
        results = dict.fromkeys((row.name for row in full), Absent("only in a full run"))
    for rows, questions in ((POLLING_ROWS, polling), (FAILURES_ROWS, burst.questions)):
        if questions is None:
            continue
        limits = (ACK_SECONDS, ANSWER_SECONDS)
        for row, seconds, limit in zip(rows, (questions.acknowledged, questions.answered), limits, strict=True):
            results[row.name] = _p99(seconds, limit, questions.too_late)
    return results


def _p99(seconds: list[float], limit: float, too_late: int) -> Measurement | Absent:
    if not seconds:
        return Absent("no question was acknowledged")
    note = f"p50 {1000 * percentile(seconds, 0.5):.0f} ms, max {1000 * max(seconds):.0f} ms of {len(seconds)}"
    note += f"; {too_late} without acknowledgement" if too_late else ""
    return Measurement(value=1000 * percentile(seconds, 0.99), peer=1000 * limit, unit="ms", note=note)


async def while_polling(seconds: float) -> Questions:
    """Asks under full polling: 400 reads a second."""
    async with fleet(POLLED) as served, running_bot(served, paced(POLLED, POLLING_PERIOD)) as bot:
        await _watch_all(bot.rig, channels=2)
        await served.until_read(POLLED, PATIENCE_SECONDS)
        async with _asking(bot.rig, ALERTS) as questions:
            await asyncio.sleep(seconds)
    return questions


async def many_failures(case: Case) -> Burst:
    settings = paced(case.pipelines, 15.0) | {"PIPELINE_BOT_REQUESTS_PER_SECOND": f"{case.rate:g}"}
    async with fleet(case.pipelines, projects=1) as served, running_bot(served, settings) as bot:
        channels = await _watch_all(bot.rig, channels=case.channels)
        await served.until_read(case.pipelines, PATIENCE_SECONDS)
        slack = bot.rig.sandbox.slack
        slack.limits.enabled = True
        calls, before = len(slack.calls), await Effort.of(bot)
        began = monotonic()
        async with _asking(bot.rig, channels[0]) as questions:
            await served.set_phase(range(case.pipelines), "FAILED")
            seconds = await _until_all_read(bot.rig, channels, case.pipelines, began)
        used = (await Effort.of(bot)).since(before)
        made = slack.calls[calls:]
    return Burst(
        seconds=tuple(sorted(seconds)),
        posts=sum(call.method == "chat.postMessage" and call.status == 200 for call in made),
        updates=sum(call.method == "chat.update" and call.status == 200 for call in made),
        limited=sum(call.status == 429 for call in made),
        cpu_seconds=used.cpu_seconds,
        redis_cpu_seconds=used.redis_cpu_seconds,
        peak_megabytes=used.peak_megabytes,
        commands=used.commands,
        questions=questions,
    )


@dataclass(frozen=True, slots=True)
class Effort:
    """What the bot has used so far."""

    cpu_seconds: float
    redis_cpu_seconds: float
    peak_megabytes: float
    """The most memory that the bot has had so far."""
    commands: Counter[str]

    @classmethod
    async def of(cls, bot: RunningBot) -> "Effort":
        async with redis.asyncio.Redis.from_url(bot.valkey.url) as client:
            stats: Mapping[str, Mapping[str, int]] = await client.info("commandstats")
            server = await client.info("server")
        return cls(
            cpu_seconds=cost(bot.pid).cpu_seconds,
            redis_cpu_seconds=cost(int(server["process_id"])).cpu_seconds,
            peak_megabytes=_peak_megabytes(bot.pid),
            commands=Counter({name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}),
        )

    def since(self, before: "Effort") -> "Effort":
        return Effort(
            self.cpu_seconds - before.cpu_seconds,
            self.redis_cpu_seconds - before.redis_cpu_seconds,
            self.peak_megabytes,
            self.commands - before.commands,
        )


def _peak_megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


async def _watch_all(rig: Rig, channels: int) -> list[str]:
    """The channels, each of which watches all pipelines. Slack's limits do not count during the setup."""
    rig.sandbox.slack.limits.enabled = False
    await command(rig, ALERTS, "list")
    made = [f"C0FLEET{number:02}" for number in range(channels - 1)]
    open_channels(rig.sandbox, made)
    ids = [ALERTS, *made]
    for channel in ids:
        await command(rig, channel, "watch *")
    return ids


async def _until_all_read(rig: Rig, channels: list[str], pipelines: int, began: float) -> list[float]:
    """Waits until each channel has read of each failure, and returns when. Reads each message once."""
    learned: dict[tuple[str, str], float] = {}
    read: set[tuple[str, str]] = set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(learned) < len(channels) * pipelines:
            await asyncio.sleep(0.1)
            for channel in channels:
                for message in rig.sandbox.slack.messages(channel):
                    if (channel, message.ts) not in read:
                        read.add((channel, message.ts))
                        for name in _FAILED.findall(message.text):
                            learned.setdefault((channel, name), monotonic() - began)
    return list(learned.values())


@asynccontextmanager
async def _asking(rig: Rig, channel: str) -> AsyncIterator[Questions]:
    """Asks `/pipeline status` once a second while the block runs."""
    questions = Questions()
    asking = asyncio.create_task(_keep_asking(rig, channel, questions))
    try:
        yield questions
    finally:
        asking.cancel()


async def _keep_asking(rig: Rig, channel: str, questions: Questions) -> None:
    slack = rig.sandbox.slack
    while True:
        began, before = monotonic(), len(slack.ephemerals(channel, ANN))
        if (await slack.run_command(ANN, channel, "/pipeline", "status")).ok:
            questions.acknowledged.append(monotonic() - began)
            await rig.sandbox.until(lambda was=before: len(slack.ephemerals(channel, ANN)) > was, 60)  # type: ignore[misc]
            questions.answered.append(monotonic() - began)
        else:
            questions.too_late += 1
        await asyncio.sleep(max(0.0, began + 1.0 - monotonic()))


def _status(name: str, what: str) -> Row:
    return Row(name=name, label="G6", what=what, against="the limit", goal=at_most(1.0))


POLLING_ROWS = (
    _status("status-ack-polling", "acknowledgement of `/pipeline status` at 400 reads/s, p99"),
    _status("status-answer-polling", "its answer, p99"),
)
FAILURES_ROWS = (
    _status("status-ack-failures", "acknowledgement of `/pipeline status` during many failures, p99"),
    _status("status-answer-failures", "its answer, p99"),
)
LAST = Row(
    name="many-failures-last",
    label="G7",
    what="1,000 failures in 20 channels: the last message",
    against="the floor set by rates",
    goal=at_most(1.05),
)
CPU = Row(name="many-failures-cpu", label="G7", what="the bot's CPU until then", against="the limit", goal=at_most(1.0))
COMMANDS = Row(
    name="many-failures-commands",
    label="G7",
    what="Redis commands per posted message",
    against="the limit",
    goal=at_most(1.0),
)
EXPERIMENT = Experiment(
    name="many-failures",
    rows=(*POLLING_ROWS, *FAILURES_ROWS, LAST, CPU, COMMANDS),
    measure=measure,
    in_quick=False,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, default=1000)
    parser.add_argument("--channels", type=int, default=20)
    parser.add_argument("--rate", type=float, default=80.0, help="requests a second")
    given = parser.parse_args()
    case = Case(pipelines=given.pipelines, channels=given.channels, rate=given.rate)
    burst, out = asyncio.run(many_failures(case)), Console()
    seconds, commands = burst.seconds, burst.commands
    out.print(f"shown: first {seconds[0]:.1f} s, half {seconds[len(seconds) // 2]:.1f} s, last {seconds[-1]:.1f} s")
    out.print(f"floor set by rates: {case.floor_seconds:.1f} s; last / floor = {seconds[-1] / case.floor_seconds:.2f}")
    out.print(f"{burst.posts} posts, {burst.updates} updates; Slack answered 429: {burst.limited} times")
    out.print(
        f"CPU: {burst.cpu_seconds:.1f} s, Redis {burst.redis_cpu_seconds:.1f} s; peak {burst.peak_megabytes:.0f} MB"
    )
    out.print(f"Redis commands: {commands.total()}, {commands.total() / burst.posts:.0f} per post")
    out.print(", ".join(f"{name} {count}" for name, count in commands.most_common(25)))
    for what, times in (("acknowledged", burst.questions.acknowledged), ("answered", burst.questions.answered)):
        out.print(f"{what}: {[f'{1000 * percentile(times, share):.0f} ms' for share in (0.5, 0.99, 1.0)]}")


if __name__ == "__main__":
    main()
