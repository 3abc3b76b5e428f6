"""Slack is away while 1,000 pipelines flap. How large does the bot grow, and what does each channel get afterwards?

    python -m bench.outage [--seconds 180] [--fault reset|server_error|hang|throttled] [--held 30] [--picture DIRECTORY]

The bot is a process of its own on a real Valkey; Slack and GoldRush are the sandbox. Each channel watches its share,
and one more channel watches everything. An hour by hand: `--seconds 3600 --held 240`.
"""

import argparse
import asyncio
import os
import random
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import monotonic

import redis.asyncio
from playwright.async_api import async_playwright
from rich.console import Console
from rich.table import Table

from bot.domain.watch import TeamId
from bot.store.keys import Keys
from sandbox.slack.directory import BOT_USER, Channel, ChannelKind
from sandbox.slack.faults import Fault, FaultKind
from sandbox.slack.journal import Accepted
from tests.journey.rig import ANN, Rig, rigged
from tests.journey.valkey import Valkey

SETTINGS = {
    "PIPELINE_BOT_REQUESTS_PER_SECOND": "85",
    "PIPELINE_BOT_STEADY_SECONDS": "15",
    "PIPELINE_BOT_TRANSIENT_SECONDS": "15",
    "PIPELINE_BOT_AT_REST_SECONDS": "15",
    "PIPELINE_BOT_LOG_LEVEL": "info",
}
SWEEP_SECONDS = 30.0  # the bot has read every pipeline once more
PATIENCE_SECONDS = 600.0
SAMPLE_SECONDS = 15.0
EVERYTHING = "C0FLEETALL"


@dataclass(frozen=True, kw_only=True)
class Sample:
    at: float
    rss_mib: float
    cpu_seconds: float
    rows: int
    redis_mib: float
    calls: int


class Bench:
    def __init__(self, rig: Rig, store: "redis.asyncio.Redis", out: Console) -> None:
        self._rig = rig
        self._slack = rig.sandbox.slack
        self._store = store
        self._out = out
        self._deliveries = ""
        self.samples: list[Sample] = []

    # --- before ----------------------------------------------------------------------------------------------------

    async def prepare(self, pipelines: int, channels: int) -> None:
        """Gives every channel its watch and waits until every pipeline has a baseline."""
        goldrush = self._rig.sandbox.goldrush
        goldrush.pipelines.clear()
        names = [f"team{number % channels:02}-{number // channels:03}" for number in range(pipelines)]
        for name in names:
            goldrush.add(name=name, project="fleet")
        self._slack.limits.enabled = False
        await self._rig.ask("list fleet")
        for number in range(channels):
            await self._watch(f"C0FLEET{number:02}", f"fleet-{number:02}", f"team{number:02}-*")
        await self._watch(EVERYTHING, "fleet-all", "project:fleet")
        wanted = set(goldrush.pipelines)
        while wanted - {request.pipeline_id for request in goldrush.requests if request.status == 200}:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        self._slack.limits.enabled = True
        self._deliveries = Keys(await self._team())["deliveries"]

    async def _watch(self, channel: str, name: str, pattern: str) -> None:
        members = [ANN, BOT_USER]
        self._slack.directory.channels[channel] = Channel(
            id=channel, name=name, kind=ChannelKind.PUBLIC, members=members
        )
        await self._rig.ask(f"watch {pattern}", channel=channel)

    async def _team(self) -> TeamId:
        key = next(iter(await self._store.keys("pipeline-bot:{*}:watches")))
        return TeamId(str(key).partition("{")[2].partition("}")[0])

    # --- during ----------------------------------------------------------------------------------------------------

    async def live_through(self, seconds: float, fault: Fault, held: float) -> int:
        """Returns the number of changes."""
        self._slack.set_fault("*", fault)
        flapping = [
            asyncio.create_task(self._flaps(pipeline, held)) for pipeline in self._rig.sandbox.goldrush.pipelines
        ]
        changes = len(self._rig.sandbox.goldrush.changes)
        await self._sampled(monotonic() + seconds)
        for task in flapping:
            task.cancel()
        made = len(self._rig.sandbox.goldrush.changes) - changes
        await self._sampled(monotonic() + SWEEP_SECONDS)
        return made

    async def _flaps(self, pipeline_id: str, held: float) -> None:
        chance = random.Random(pipeline_id)  # noqa: S311
        await asyncio.sleep(chance.uniform(0, held))
        while True:
            for phase in ("FAILED", "RUNNING"):
                self._rig.sandbox.goldrush.set_phase(pipeline_id, phase)
                await asyncio.sleep(held * chance.uniform(1.0, 1.5))

    async def _sampled(self, until: float) -> None:
        while (remaining := until - monotonic()) > 0:
            await asyncio.sleep(min(SAMPLE_SECONDS, remaining))
            self.samples.append(await self._sample())

    async def _sample(self) -> Sample:
        assert self._rig.process is not None
        process = Path(f"/proc/{self._rig.process.pid}")
        pages = int((process / "statm").read_text().split()[1])
        ticks = (process / "stat").read_text().rpartition(")")[2].split()
        memory = await self._store.info("memory")
        return Sample(
            at=monotonic(),
            rss_mib=pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            cpu_seconds=(int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"),
            rows=await self._rows(),
            redis_mib=memory["used_memory"] / 2**20,
            calls=len(self._slack.calls),
        )

    async def _rows(self) -> int:
        return int(await self._store.hlen(self._deliveries))

    # --- afterwards ------------------------------------------------------------------------------------------------

    async def catch_up(self) -> tuple[float, list[Accepted]]:
        """Ends the outage. Returns the seconds until the outbox is empty, and all messages posted by then."""
        before, began = len(self._slack.accepted), monotonic()
        self._slack.set_fault("*", None)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._rows():  # noqa: ASYNC110 (Redis offers no event to wait for)
                await asyncio.sleep(0.5)
        self.samples.append(await self._sample())
        posted = [call for call in self._slack.accepted[before:] if call.method == "chat.postMessage"]
        return began, posted


def _samples(samples: Sequence[Sample]) -> Table:
    table = Table("after", "RSS MiB", "CPU", "rows in the outbox", "Redis MiB", "calls to Slack")
    for before, sample in pairwise(samples):
        cpu = (sample.cpu_seconds - before.cpu_seconds) / (sample.at - before.at)
        table.add_row(
            f"{sample.at - samples[0].at:.0f} s",
            f"{sample.rss_mib:.0f}",
            f"{100 * cpu:.0f} %",
            str(sample.rows),
            f"{sample.redis_mib:.1f}",
            str(sample.calls),
        )
    return table


def _arrivals(began: float, posted: Sequence[Accepted]) -> Table:
    """Prints each channel's messages with their order and times."""
    table = Table("channel", "messages", "of them in threads", "first", "failures reported", "last", "in order")
    for channel in sorted({call.channel for call in posted}):
        there = [call for call in posted if call.channel == channel]
        failures = [call.at - began for call in there if _kind(call) in {"F", "S"}]
        table.add_row(
            channel,
            str(len(there)),
            str(sum(call.thread_ts is not None for call in there)),
            f"{there[0].at - began:.1f} s",
            f"{max(failures):.1f} s" if failures else "-",
            f"{there[-1].at - began:.1f} s",
            "".join(_kind(call) for call in there)[:40],
        )
    return table


def _kind(message: Accepted) -> str:
    """F: a failure, S: a group, C: a digest, R: a recovery, t: in a thread."""
    head = message.text.partition("\n")[0]
    if message.thread_ts:
        return "t"
    if "Catching up" in head:
        return "C"
    if re.match(r"\d+ (?:more |of \d+ )?pipelines", head) and ("failed" in head or "not recovered" in head):
        return "S"
    return "F" if re.search(r"failed(?: after .* healthy)?$", head) else "R"


async def _picture(url: str, channel: str, directory: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 1400})
        await page.goto(url)
        await page.get_by_test_id(f"channel-{channel}").click()
        await page.wait_for_timeout(1000)
        await page.screenshot(path=directory / f"{channel}.png")
        await browser.close()


async def measure(given: argparse.Namespace, out: Console) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        async with Valkey(directory / "valkey") as valkey:
            settings = SETTINGS | {"REDIS_URL": valkey.url}
            async with rigged(directory, settings=settings) as rig:
                store = redis.asyncio.Redis.from_url(valkey.url)
                bench = Bench(rig, store, out)
                await bench.prepare(given.pipelines, given.channels)
                fault = Fault(kind=FaultKind(given.fault), retry_after=30)
                made = await bench.live_through(given.seconds, fault, given.held)
                began, posted = await bench.catch_up()
                transitions = rig.log.read_text().count('"event": "transition"')
                out.print(f"{made} changes made, {transitions} distinguished by the bot; Slack away by {given.fault}")
                out.print(_samples(bench.samples))
                out.print(_arrivals(began, posted))
                out.print(f"nothing owed after {bench.samples[-1].at - began:.0f} s; {Counter(map(_kind, posted))}")
                caught = [call for call in posted if _kind(call) == "C"]
                out.print(caught[0].text if caught else "no catch-up", markup=False)
                out.print(f"load of the machine (1, 5, 15 minutes): {os.getloadavg()}")
                for channel in ("C0FLEET00", EVERYTHING) if given.picture else ():
                    await _picture(rig.sandbox.url, channel, given.picture)
                await store.aclose()
                started = monotonic()
                code = await rig.stop()
                out.print(f"stopped within {monotonic() - started:.1f} s, exit code {code}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--fault", choices=["reset", "server_error", "hang", "throttled"], default="reset")
    parser.add_argument("--held", type=float, default=30.0, help="how long each phase lasts at least, in seconds")
    parser.add_argument("--pipelines", type=int, default=1000)
    parser.add_argument("--channels", type=int, default=20)
    parser.add_argument("--picture", type=Path, help="a directory for pictures of two channels (CHROMIUM=/path)")
    asyncio.run(measure(parser.parse_args(), Console(width=120)))


if __name__ == "__main__":
    main()
