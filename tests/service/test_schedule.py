"""The schedule under a wall clock that is set: APScheduler's own clock is put forward and back beneath it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from time import monotonic
from typing import Self

import apscheduler.executors.base
import apscheduler.schedulers.base
import pytest

import bot.schedule
from bot.ports import StoreAway
from bot.schedule import LATE_SECONDS, WATCH_SECONDS, Job, Schedule

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TICK, SLOW = 0.05, 0.3
WATCHED = 2.5  # seconds; by then a job that has stopped is armed anew


class SetClock(datetime):
    """The wall clock, as far as it was set."""

    by = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.by


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> type[SetClock]:
    for module in (apscheduler.schedulers.base, apscheduler.executors.base, bot.schedule):
        monkeypatch.setattr(module, "datetime", SetClock)
    SetClock.by = timedelta()
    return SetClock


class Runs:
    def __init__(self) -> None:
        self.at: list[tuple[str, float]] = []

    def job(self, name: str, seconds: float) -> Job:
        async def run() -> None:
            self.at.append((name, monotonic()))

        return Job(name, run, seconds)

    def counted(self, since: float) -> Counter[str]:
        return Counter(name for name, at in self.at if at >= since)

    def longest_gap(self, name: str) -> float:
        times = [at for each, at in self.at if each == name]
        return max(after - before for before, after in pairwise(times))


@asynccontextmanager
async def scheduled() -> AsyncIterator[Runs]:
    runs = Runs()
    async with Schedule([runs.job("tick", TICK), runs.job("slow", SLOW)]).running():
        await asyncio.sleep(2 * SLOW)
        yield runs


@pytest.mark.parametrize("step", [-DAY, -HOUR, HOUR, DAY, 30 * DAY], ids=str)
async def test_every_job_goes_on_and_none_storms_wherever_the_clock_is_set(
    wall: type[SetClock], step: timedelta
) -> None:
    async with scheduled() as runs:
        wall.by = step
        began = monotonic()
        await asyncio.sleep(WATCHED)
        counted = runs.counted(began)
        gap = LATE_SECONDS + WATCH_SECONDS + 0.5  # until it is noticed that a job is late
        assert runs.longest_gap("tick") < TICK + gap
        assert runs.longest_gap("slow") < SLOW + gap
        assert counted["tick"] <= WATCHED / TICK + 3
        assert counted["slow"] <= WATCHED / SLOW + 3


async def test_a_month_forward_lets_everything_else_go_on(wall: type[SetClock]) -> None:
    async with scheduled():
        wall.by = 30 * DAY
        times = [monotonic()]
        while times[-1] - times[0] < 0.5:
            await asyncio.sleep(0.01)
            times.append(monotonic())
        assert max(after - before for before, after in pairwise(times)) < 0.3


async def test_a_job_that_cannot_reach_the_store_is_run_again_and_one_that_is_slow_never_overlaps(
    caplog: pytest.LogCaptureFixture,
) -> None:
    under_way, most, runs = 0, 0, 0

    async def slow() -> None:
        nonlocal under_way, most, runs
        under_way, runs = under_way + 1, runs + 1
        most = max(most, under_way)
        await asyncio.sleep(0.12)
        under_way -= 1
        raise StoreAway("no answer")

    async with Schedule([Job("slow", slow, 0.03)]).running():
        await asyncio.sleep(1)
    assert most == 1
    assert 4 <= runs <= 9
    assert under_way == 0  # what was under way at the end came to its end
    assert "maximum number of running instances" not in caplog.text  # it is as it should be


async def test_a_job_that_still_waits_when_the_bot_stops_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bot.schedule, "GOODBYE_SECONDS", 0.05)
    begun = asyncio.Event()

    async def waits() -> None:
        begun.set()
        await asyncio.Event().wait()

    schedule = Schedule([Job("waits", waits, 1.0)])
    async with schedule.running():
        await begun.wait()
    for _ in range(5):
        await asyncio.sleep(0)  # what was cancelled comes to its end
    assert not [record for record in caplog.records if record.exc_info]
