"""The schedule under a wall clock that is set, on a virtual loop: what APScheduler lives by is put forward and back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

import pytest

from bot.jobs import LATE_SECONDS, WATCH_SECONDS, Job, Schedule
from bot.ports import StoreAway
from tests.proofs.virtual import BEGIN, VirtualLoop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TICK, SLOW = 0.05, 0.3
WATCHED = 60.0  # seconds; long before that a job that has stopped is armed anew


class Wall(tzinfo):
    """A wall clock that a test sets: `datetime` asks a zone what time it is there, and this one tells the loop's."""

    by = timedelta()
    asked = 0

    def fromutc(self, _: datetime) -> datetime:
        return (BEGIN + timedelta(seconds=now()) + self.by).replace(tzinfo=self)

    def utcoffset(self, _: datetime | None) -> timedelta:
        self.asked += 1
        if self.asked > 100_000:
            raise OverflowError("who asks as often reckons up every run that would have been")
        return timedelta()

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta()

    def tzname(self, _: datetime | None) -> str:
        return "as set"


def now() -> float:
    return asyncio.get_running_loop().time()


def virtually(story: Coroutine[object, object, None]) -> None:
    """Runs it where minutes pass at once."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story)


class Runs:
    def __init__(self) -> None:
        self.at: list[tuple[str, float]] = []

    def job(self, name: str, seconds: float) -> Job:
        async def run() -> None:
            self.at.append((name, now()))

        return Job(name, run, seconds)

    def counted(self, since: float) -> Counter[str]:
        return Counter(name for name, at in self.at if at >= since)

    def longest_gap(self, name: str) -> float:
        times = [at for each, at in self.at if each == name]
        return max(after - before for before, after in pairwise(times))


@asynccontextmanager
async def scheduled(wall: Wall) -> AsyncIterator[Runs]:
    runs = Runs()
    async with Schedule([runs.job("tick", TICK), runs.job("slow", SLOW)], zone=wall).running():
        await asyncio.sleep(2 * SLOW)
        yield runs


@pytest.mark.parametrize("step", [timedelta(), -DAY, -HOUR, HOUR, DAY, 30 * DAY], ids=str)
def test_every_job_goes_on_and_none_groups_wherever_the_clock_is_set(step: timedelta) -> None:
    async def story() -> None:
        wall = Wall()
        async with scheduled(wall) as runs:
            wall.by, began = step, now()
            await asyncio.sleep(WATCHED)
            counted = runs.counted(began)
        gap = LATE_SECONDS + WATCH_SECONDS if step else 0.0  # until it is noticed that a job is late
        for name, seconds in (("tick", TICK), ("slow", SLOW)):
            assert runs.longest_gap(name) <= 2 * seconds + gap
            most = WATCHED / seconds
            assert most - gap / seconds - 3 <= counted[name] <= most + 3

    virtually(story())


def test_a_job_that_cannot_reach_the_store_is_run_again_and_one_that_is_slow_never_overlaps(
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

    async def story() -> None:
        async with Schedule([Job("slow", slow, 0.03)], zone=Wall()).running():
            await asyncio.sleep(1)

    virtually(story())
    assert most == 1
    assert 4 <= runs <= 9
    assert under_way == 0  # what was under way at the end came to its end
    assert "maximum number of running instances" not in caplog.text  # it is as it should be


async def test_a_job_that_still_waits_when_the_bot_stops_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    begun = asyncio.Event()

    async def waits() -> None:
        begun.set()
        await asyncio.Event().wait()

    schedule = Schedule([Job("waits", waits, 1.0)], goodbye_seconds=0.05)
    async with schedule.running():
        await begun.wait()
    for _ in range(5):
        await asyncio.sleep(0)  # what was cancelled comes to its end
    assert not [record for record in caplog.records if record.exc_info]
