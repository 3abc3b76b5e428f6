"""The real bot as a process, with a real Valkey, the sandbox's Slack and the fake GoldRush."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.fleet import Fleet
from sandbox.ports import free_port
from sandbox.server import Sandbox
from sandbox.slack.directory import BOT_USER, Channel, ChannelKind
from tests.journey.rig import ALERTS, ANN, PATIENCE, TEAM, Rig, rigged
from tests.journey.valkey import Valkey

SPARE = 1.25
"""The budget over what polling needs, so that people's commands slow no reading down."""
MOST_TRIES = 5
SCRAPE_SECONDS = 5.0
DEFAULTS = {
    "PIPELINE_BOT_STEADY_SECONDS": "5",
    "PIPELINE_BOT_TRANSIENT_SECONDS": "3",
    "PIPELINE_BOT_AT_REST_SECONDS": "60",
}
"""The bot's own; the tests' bot is faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningBot:
    rig: Rig
    valkey: Valkey

    @property
    def pid(self) -> int:
        assert self.rig.process is not None
        return self.rig.process.pid


def paced(pipelines: int, period: float) -> dict[str, str]:
    """Settings that let the bot read each of so many steady pipelines every `period` seconds."""
    return {
        "PIPELINE_BOT_STEADY_SECONDS": f"{period:g}",
        "PIPELINE_BOT_TRANSIENT_SECONDS": f"{min(3.0, period):g}",
        "PIPELINE_BOT_REQUESTS_PER_SECOND": f"{SPARE * pipelines / period:g}",
    }


@asynccontextmanager
async def running_bot(fleet: Fleet, settings: Mapping[str, str]) -> AsyncIterator[RunningBot]:
    """A bot that watches nothing yet, whose metrics are scraped every 5 s.

    Valkey writes its log to the disk once a second, as by default.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        async with Valkey(Path(scratch) / "redis", "--appendfsync", "everysec") as valkey:
            addresses = {"GOLDRUSH_API_URL": fleet.url, "REDIS_URL": valkey.url, "PIPELINE_BOT_METRICS_PORT": str(port)}
            async with rigged(Path(scratch), settings={**DEFAULTS, **addresses, **settings}) as rig:
                scraping = asyncio.create_task(_scrape(port))
                try:
                    yield RunningBot(rig=rig, valkey=valkey)
                finally:
                    scraping.cancel()
                    await asyncio.wait([scraping])


async def _scrape(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        while True:
            with suppress(httpx.HTTPError):
                await http.get(f"http://127.0.0.1:{port}/metrics")
            await asyncio.sleep(SCRAPE_SECONDS)


def open_channels(sandbox: Sandbox, channels: Iterable[str]) -> None:
    """Public channels with these ids, with Ann and the bot in them."""
    sandbox.slack.directory.channels |= {
        channel: Channel(id=channel, name=channel.lower(), kind=ChannelKind.PUBLIC, members=[ANN, BOT_USER])
        for channel in channels
    }


async def watch_everything(bot: RunningBot) -> None:
    """Two channels watch all pipelines, with and without pages. Nothing happens, so Slack stays idle."""
    for channel, text in (
        (ALERTS, "list"),
        (ALERTS, "watch * page @ann"),
        (TEAM, "watch * on failed,recovered,degraded"),
    ):
        await command(bot.rig, channel, text)


async def command(rig: Rig, channel: str, text: str) -> str:
    """Types a command until the bot acknowledges it in time, and waits for its answer.

    On a busy machine, an acknowledgement takes more than one try.

    Raises:
        RuntimeError: the bot never acknowledged it.
    """
    slack = rig.sandbox.slack
    for _ in range(MOST_TRIES):
        before = len(slack.ephemerals(channel, ANN))
        if (await slack.run_command(ANN, channel, "/pipeline", text)).ok:
            await rig.sandbox.until(lambda was=before: len(slack.ephemerals(channel, ANN)) > was, PATIENCE)  # type: ignore[misc]
            return slack.ephemerals(channel, ANN)[-1].text
    raise RuntimeError(f"no acknowledgement of {text!r} in time, {MOST_TRIES} times")
