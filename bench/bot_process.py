"""The real bot as a process, with a real Valkey, the sandbox's Slack and the fake GoldRush."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.fleet import Fleet
from tests.journey.rig import ALERTS, ANN, TEAM, Rig, rigged
from tests.journey.valkey import Valkey

LEAVES_FOR_POLLING = 0.85  # bot/domain/cadence.py; people's commands get the rest
MOST_TRIES = 5


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
        "PIPELINE_BOT_TRANSIENT_SECONDS": "3",
        "PIPELINE_BOT_AT_REST_SECONDS": "60",
        "PIPELINE_BOT_REQUESTS_PER_SECOND": f"{1.05 * pipelines / period / LEAVES_FOR_POLLING:g}",
        "PIPELINE_BOT_LOG_LEVEL": "info",
    }


@asynccontextmanager
async def running_bot(fleet: Fleet, settings: Mapping[str, str]) -> AsyncIterator[RunningBot]:
    """A bot that watches nothing yet. Valkey writes its log to the disk once a second, as by default."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        async with Valkey(Path(scratch) / "redis", "--appendfsync", "everysec") as valkey:
            given = {
                "GOLDRUSH_API_URL": fleet.url,
                "REDIS_URL": valkey.url,
                "PIPELINE_BOT_METRICS_PORT": "0",
                **settings,
            }
            async with rigged(Path(scratch), settings=given) as rig:
                yield RunningBot(rig=rig, valkey=valkey)


async def watch_everything(bot: RunningBot) -> None:
    """Two channels watch all pipelines, with and without pages. Nothing happens, so Slack stays idle."""
    for channel, text in (
        (ALERTS, "list"),
        (ALERTS, "watch * page @ann"),
        (TEAM, "watch * on failed,recovered,degraded"),
    ):
        await command(bot.rig, channel, text)


async def command(rig: Rig, channel: str, text: str) -> None:
    """Types a command until the bot acknowledges it in time. On a busy machine, that takes more than one try.

    Raises:
        RuntimeError: it never did.
    """
    for _ in range(MOST_TRIES):
        if (await rig.sandbox.slack.run_command(ANN, channel, "/pipeline", text)).ok:
            return
    raise RuntimeError(f"no acknowledgement of {text!r} in time, {MOST_TRIES} times")
