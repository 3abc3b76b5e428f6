"""Somebody sets the wall clock under a running bot, or Redis' clock is behind the bot's time after a failover.

The bot reads on time, groups nothing wrongly and keeps every wait.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from time import monotonic, time  # noqa: TID251 (the tested bot must not use it)

import pytest
import redis.asyncio

from sandbox.slack.faults import Fault, FaultKind
from tests.journey.rig import ALERTS, BOB, PATIENCE, Rig, rigged
from tests.journey.valkey import Valkey

pytestmark = pytest.mark.journey

STEADY = 0.5  # seconds between two readings, from the rig's settings
NOTICED = 2.0  # by then the scheduler has noticed the late job and rescheduled it
WATCHED = 8.0
HELD = 5  # seconds
HOUR, DAY = 3600.0, 86_400.0
STEPS = pytest.mark.parametrize("step", [-HOUR, DAY], ids=["an hour back", "a day forward"])

# Python runs this first. It shifts both of Python's wall clocks by the number in a file.
WRAPPER = """
import os
from sandbox.wall_clock import put_off

def _off():
    with open(os.environ["WALL_CLOCK_OFF_BY"]) as file:
        return float(file.read() or 0)

put_off(_off)
"""


class Wall:
    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(WRAPPER)
        self._file = directory / "off_by"
        self.set(0.0)
        self.settings = {"PYTHONPATH": str(directory), "WALL_CLOCK_OFF_BY": str(self._file)}

    def set(self, off_by: float) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(str(off_by))
        new.replace(self._file)


@asynccontextmanager
async def under_a_wall_clock(tmp_path: Path) -> AsyncIterator[tuple[Rig, Wall]]:
    wall = Wall(tmp_path / "wall")
    settings = wall.settings | {"PIPELINE_BOT_TRANSIENT_SECONDS": str(STEADY)}
    async with rigged(tmp_path, settings=settings) as rig:
        await rig.ask("watch orders-eu")
        await rig.card("added a watch")
        await rig.reads(4)
        yield rig, wall
        log = rig.log.read_text()
        assert max(abs(logged - time()) for logged in times_in(log)) > HOUR / 2  # the clock change took effect
        assert "store_clock_set" not in log
        assert "Traceback" not in log


def times_in(log: str) -> list[float]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [datetime.fromisoformat(line["timestamp"]).timestamp() for line in lines]


async def reads(rig: Rig, seconds: float) -> list[float]:
    """Collects the times at which the bot reads the pipeline from now on."""
    first, began = len(rig.sandbox.goldrush.requests), monotonic()
    await asyncio.sleep(seconds)
    pipeline = rig.pipeline("orders-eu")
    at = [request.at for request in rig.sandbox.goldrush.requests[first:] if request.pipeline_id == pipeline]
    return [began, *at, monotonic()]


@STEPS
async def test_reads_and_messages_continue_when_the_clock_is_set(tmp_path: Path, step: float) -> None:
    async with under_a_wall_clock(tmp_path) as (rig, wall):
        wall.set(step)
        times = await reads(rig, WATCHED)
        assert max(after - before for before, after in pairwise(times)) < STEADY + NOTICED + 0.5
        assert len(times) <= WATCHED / STEADY * 1.2 + 4
        rig.set_phase("orders-eu", "FAILED")
        card = await rig.card("orders-eu failed", "Since")
        assert "late" not in card.text
        await rig.click(card, "acknowledge", user=BOB)
        await rig.thread(card, "Acknowledged by")
        wall.set(0.0)  # somebody corrects the clock
        rig.set_phase("orders-eu", "RUNNING")
        await rig.thread(card, "recovered after")
        roots = [message for message in rig.sandbox.slack.messages(ALERTS) if "orders-eu " in message.text]
        assert len(roots) == 2  # what is watched, and the card
        assert not [
            message
            for message in rig.sandbox.slack.messages(ALERTS)
            if "I couldn't watch any pipelines" in message.text
        ]


@STEPS
async def test_a_throttled_message_is_sent_neither_too_early_nor_never(tmp_path: Path, step: float) -> None:
    async with under_a_wall_clock(tmp_path) as (rig, wall):
        rig.sandbox.slack.set_fault("chat.postMessage", Fault(kind=FaultKind.THROTTLED, retry_after=HELD, times=1))
        rig.set_phase("orders-eu", "FAILED")
        throttled = lambda: any(call.status == 429 for call in rig.sandbox.slack.calls)  # noqa: E731
        await rig.sandbox.until(throttled, PATIENCE)
        began = monotonic()
        wall.set(step)
        await rig.card("orders-eu failed", "Since")
        waited = monotonic() - began
        assert HELD * 0.85 < waited < HELD * 1.15 + NOTICED + 4


async def test_a_failover_to_an_earlier_clock_delays_nothing(tmp_path: Path) -> None:
    """The bot stops, and its next server is an hour behind: the test puts the bots' time an hour ahead of Redis."""
    async with (
        Valkey(tmp_path / "redis") as valkey,
        rigged(tmp_path, settings={"REDIS_URL": valkey.url}) as rig,
        redis.asyncio.Redis.from_url(valkey.url) as client,
    ):
        await rig.ask("watch orders-eu")
        await rig.card("added a watch")
        await rig.stop()
        (key,) = await client.keys("pipeline-bot:*:clock")
        stored = {name: int(value) for name, value in (await client.hgetall(key)).items()}
        await client.hset(key, mapping={name: value + int(HOUR * 1e6) for name, value in stored.items()})
        await rig.start()
        await rig.reads(4)
        rig.sandbox.slack.set_fault("chat.postMessage", Fault(kind=FaultKind.THROTTLED, retry_after=HELD, times=1))
        began = monotonic()
        rig.set_phase("orders-eu", "FAILED")
        card = await rig.card("orders-eu failed", "Since")
        assert monotonic() - began < HELD * 1.15 + NOTICED + 4
        await rig.click(card, "acknowledge", user=BOB)
        await rig.thread(card, "Acknowledged by")
        rig.set_phase("orders-eu", "RUNNING")
        await rig.thread(card, "recovered after")
        assert int((await client.hgetall(key))[b"latest"]) > stored[b"latest"] + HOUR * 1e6
