"""All pipelines fail within one second. How long until every channel knows of every pipeline that it watches?

    python -m bench.group [--pipelines 300] [--channels 20] [--rate 50] [--all]

By default the channels share the pipelines; with `--all` every channel watches every pipeline. The sandbox enforces
Slack's limits (1 message a second per channel, 300 a minute in the workspace) and answers 429 beyond them.
"""

import argparse
import asyncio
import math
import os
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Self

import redis
from rich.console import Console
from rich.progress import Progress

from bot.domain.backlog import ENTRIES_PER_MESSAGE
from bot.ports.rate_limits import Method
from bot.slack.outbound.limits import SLACK_LIMITS
from sandbox.slack.directory import BOT_USER, Channel, ChannelKind
from tests.journey.rig import ANN, Rig, rigged

ASK_EVERY_SECONDS = 5.0


@dataclass
class Asked:
    """The times of `/pipeline status` during the burst: until the acknowledgement and until the answer."""

    acknowledged: list[float]
    answered: list[float]


_FAILED = re.compile(r"(fleet-\d+) failed")


@dataclass(frozen=True, slots=True)
class Effort:
    """What the bot has used so far."""

    bot_seconds: float
    redis_seconds: float
    megabytes: float
    """The most memory that the bot has had so far."""
    commands: Counter[str] = field(default_factory=Counter)
    """The number of Redis commands of each name, those inside scripts included."""

    @classmethod
    def until_now(cls, rig: Rig) -> Self:
        assert rig.process is not None
        bot = rig.process.pid
        children = Path(f"/proc/{bot}/task/{bot}/children").read_text().split()
        status = Path(f"/proc/{bot}/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        with redis.Redis(unix_socket_path=str(rig.data_dir / "valkey.sock")) as store:
            stats: Mapping[str, Mapping[str, int]] = store.info("commandstats")
        commands = Counter({name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()})
        return cls(_cpu_seconds(bot), sum(_cpu_seconds(int(child)) for child in children), peak, commands)

    def since(self, before: Self) -> "Effort":
        return Effort(
            self.bot_seconds - before.bot_seconds,
            self.redis_seconds - before.redis_seconds,
            self.megabytes,
            self.commands - before.commands,
        )


def _cpu_seconds(process: int) -> float:
    """All threads, in user and kernel mode."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _floor_seconds(shares: Mapping[str, list[str]]) -> float:
    """The time that the bot's own rates need for the fewest messages: all wait for the workspace's rate, and those of
    one channel for the channel's."""
    messages = [math.ceil(len(share) / ENTRIES_PER_MESSAGE) for share in shares.values()]
    in_workspace = sum(messages) * 60 / SLACK_LIMITS.per_minute[Method.POST]
    return max(in_workspace, max(messages) * SLACK_LIMITS.spacing_seconds)


async def group(pipelines: int, channels: int, rate: float, *, everywhere: bool, out: Console) -> None:
    settings = {
        "PIPELINE_BOT_REQUESTS_PER_SECOND": str(rate),
        "PIPELINE_BOT_STEADY_SECONDS": "15",
        "PIPELINE_BOT_TRANSIENT_SECONDS": "3",
        "PIPELINE_BOT_LOG_LEVEL": "info",
    }
    with tempfile.TemporaryDirectory() as scratch:
        async with rigged(Path(scratch), settings=settings) as rig:
            rig.sandbox.goldrush.rate_limit = rate
            names = [f"fleet-{number:03}" for number in range(pipelines)]
            ids = {name: rig.sandbox.goldrush.add(name=name, project="fleet").id for name in names}
            places = [_channel(rig, number) for number in range(channels)]
            shares = [names if everywhere else names[number::channels] for number in range(channels)]
            rig.sandbox.slack.limits.enabled = False  # the measurement does not cover the setup
            await rig.ask("list fleet")
            for place, share in zip(places, shares, strict=True):
                await rig.ask("watch project:fleet" if everywhere else "watch " + " ".join(share), channel=place)
            await _until_seen(rig, set(ids.values()))
            rig.sandbox.slack.limits.enabled = True
            await _measure(rig, ids, dict(zip(places, shares, strict=True)), out)


def _channel(rig: Rig, number: int) -> str:
    directory = rig.sandbox.slack.directory
    channel = Channel(
        id=f"C0FLEET{number:02}", name=f"fleet-{number:02}", kind=ChannelKind.PUBLIC, members=[ANN, BOT_USER]
    )
    directory.channels[channel.id] = channel
    return channel.id


async def _until_seen(rig: Rig, wanted: set[str]) -> None:
    """Waits until every pipeline has a baseline, so that later messages report changes."""
    while wanted - {request.pipeline_id for request in rig.sandbox.goldrush.requests if request.status == 200}:  # noqa: ASYNC110
        await asyncio.sleep(0.2)


async def _measure(rig: Rig, ids: dict[str, str], shares: dict[str, list[str]], out: Console) -> None:
    began, calls, before = monotonic(), len(rig.sandbox.slack.calls), Effort.until_now(rig)
    for pipeline in ids.values():
        rig.sandbox.goldrush.set_phase(pipeline, "FAILED")
    failed_in = monotonic() - began
    total = sum(map(len, shares.values()))
    questions = Asked([], [])
    reported_at: dict[tuple[str, str], float] = {}
    asking = asyncio.create_task(_keep_asking(rig, next(iter(shares)), questions))
    read: set[tuple[str, str]] = set()
    with Progress(console=out) as progress:
        bar = progress.add_task("reported", total=total)
        while len(reported_at) < total:
            await asyncio.sleep(0.1)
            for place in shares:
                for message in rig.sandbox.slack.messages(place):
                    if (place, message.ts) not in read:
                        read.add((place, message.ts))
                        for name in _FAILED.findall(message.text):
                            reported_at.setdefault((place, name), monotonic() - began)
            progress.update(bar, completed=len(reported_at))
    asking.cancel()
    effort = Effort.until_now(rig).since(before)
    made = Counter(call.method for call in rig.sandbox.slack.calls[calls:] if call.status == 200)
    times = sorted(reported_at.values())
    limited = [call for call in rig.sandbox.slack.calls[calls:] if call.status == 429]
    refused = [call for call in rig.sandbox.slack.calls[calls:] if call.error and call.status != 429]
    out.print(f"{len(ids)} pipelines failed within {failed_in:.2f} s; {len(shares)} channels, {total} tellings owed")
    out.print(f"reported: first {times[0]:.1f} s, half {times[len(times) // 2]:.1f} s, last {times[-1]:.1f} s")
    floor = _floor_seconds(shares)
    out.print(f"floor set by the bot's rates: {floor:.1f} s; last / floor = {times[-1] / floor:.2f}")
    out.print(f"Slack calls: {dict(made)}")
    posts = made["chat.postMessage"]
    out.print(
        f"CPU: bot {effort.bot_seconds:.1f} s, its Redis {effort.redis_seconds:.1f} s; "
        f"peak RSS {effort.megabytes:.0f} MB"
    )
    out.print(f"Redis commands: {effort.commands.total()}, {effort.commands.total() / posts:.0f} per posted message")
    out.print(", ".join(f"{name} {count}" for name, count in effort.commands.most_common(25)))
    out.print(f"Slack answered 429: {len(limited)} times; refused otherwise: {len(refused)} times")
    out.print(
        f"/pipeline status, asked {len(questions.answered)} times meanwhile: acknowledged within "
        f"{max(questions.acknowledged, default=0):.2f} s, answered within {max(questions.answered, default=0):.2f} s"
    )


async def _keep_asking(rig: Rig, channel: str, questions: Asked) -> None:
    while True:
        began = monotonic()
        before = len(rig.sandbox.slack.ephemerals(channel, ANN))
        ack = await rig.sandbox.slack.run_command(ANN, channel, "/pipeline", "status")
        if not ack.ok:
            raise RuntimeError(f"not acknowledged: {ack.error}")
        questions.acknowledged.append(monotonic() - began)
        await rig.sandbox.until(lambda was=before: len(rig.sandbox.slack.ephemerals(channel, ANN)) > was, 30)  # type: ignore[misc]
        questions.answered.append(monotonic() - began)
        await asyncio.sleep(ASK_EVERY_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, default=300)
    parser.add_argument("--channels", type=int, default=20)
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second, for the bot and for GoldRush")
    parser.add_argument("--all", action="store_true", help="every channel watches every pipeline")
    given = parser.parse_args()
    asyncio.run(group(given.pipelines, given.channels, given.rate, everywhere=given.all, out=Console()))


if __name__ == "__main__":
    main()
