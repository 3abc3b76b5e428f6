"""Somebody sets the wall clock under a running bot. It reads on time, groups nothing wrongly and keeps every wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest

from sandbox.slack.faults import Fault, FaultKind
from tests.journey.rig import ALERTS, BOB, PATIENCE, Rig, rigged

pytestmark = pytest.mark.journey

STEADY = 0.5  # seconds between two readings, from the rig's settings
NOTICED = 2.0  # by then the scheduler has noticed the late job and rescheduled it
WATCHED = 8.0
HELD = 5  # seconds
HOUR, DAY = 3600.0, 86_400.0
STEPS = pytest.mark.parametrize("step", [-HOUR, DAY], ids=["an hour back", "a day forward"])

# Python runs this first. It shifts both of Python's wall clocks by the number in a file.
WRAPPER = """
import datetime, os, time

_wall, _file = time.time, os.environ["WALL_CLOCK_OFF_BY"]

def _off():
    with open(_file) as file:
        return float(file.read() or 0)

class _Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(_wall() + _off(), tz)

time.time = lambda: _wall() + _off()
datetime.datetime = _Datetime
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
        assert "wall_clock_set" in log  # the clock change took effect
        assert "Traceback" not in log


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
