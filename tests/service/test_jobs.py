"""Jobs on a virtual loop: the test sets APScheduler's wall clock forward and back, and runs crash or hang."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from bot.jobs import LATE_SECONDS, WATCH_SECONDS, Jobs, PeriodicJob
from bot.ports.store_errors import StoreAway
from tests.proofs.virtual import BEGIN, VirtualLoop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TICK, SLOW = 0.05, 0.3
WATCHED = 60.0  # seconds; the watchdog restarts a stopped job much earlier


class Wall(tzinfo):
    """A wall clock that a test sets. `datetime` gets its time from this zone, which uses the loop's time."""

    by = timedelta()
    queries = 0

    def fromutc(self, _: datetime) -> datetime:
        return (BEGIN + timedelta(seconds=now()) + self.by).replace(tzinfo=self)

    def utcoffset(self, _: datetime | None) -> timedelta:
        self.queries += 1
        if self.queries > 100_000:
            raise OverflowError("it counts every run that the step skipped")
        return timedelta()

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta()

    def tzname(self, _: datetime | None) -> str:
        return "as set"


def now() -> float:
    return asyncio.get_running_loop().time()


def on_virtual_loop(scenario: Coroutine[object, object, None]) -> None:
    """Runs the coroutine on a loop where minutes pass at once."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario)


class Runs:
    def __init__(self) -> None:
        self.at: list[tuple[str, float]] = []

    def job(self, name: str, seconds: float) -> PeriodicJob:
        async def run() -> None:
            self.at.append((name, now()))

        return PeriodicJob(name, run, seconds)

    def counted(self, since: float) -> Counter[str]:
        return Counter(name for name, at in self.at if at >= since)

    def longest_gap(self, name: str) -> float:
        times = [at for job, at in self.at if job == name]
        return max(after - before for before, after in pairwise(times))


@asynccontextmanager
async def scheduled(wall: Wall) -> AsyncIterator[Runs]:
    runs = Runs()
    async with Jobs(runs.job("tick", TICK), [runs.job("slow", SLOW)], zone=wall).running():
        await asyncio.sleep(2 * SLOW)
        yield runs


@pytest.mark.parametrize("step", [timedelta(), -DAY, -HOUR, HOUR, DAY, 30 * DAY], ids=str)
def test_every_job_keeps_its_interval_after_any_clock_change(step: timedelta) -> None:
    async def scenario() -> None:
        wall = Wall()
        async with scheduled(wall) as runs:
            wall.by, began = step, now()
            await asyncio.sleep(WATCHED)
            counted = runs.counted(began)
        noticed = LATE_SECONDS + WATCH_SECONDS if step else 0.0  # until the watchdog notices the late tick
        for name, seconds, gap in (("tick", TICK, noticed), ("slow", SLOW, 0.0)):
            assert runs.longest_gap(name) <= 2 * seconds + gap
            most = WATCHED / seconds
            assert most - gap / seconds - 3 <= counted[name] <= most + 3

    on_virtual_loop(scenario())


KINDS = pytest.mark.parametrize("kind", ["tick", "loop"])


def jobs(kind: str, job: PeriodicJob, stop_seconds: float = 1.0) -> Jobs:
    """Runs `job` as the tick or as a loop, beside an idle job."""
    other = Runs().job("other", 1.0)
    tick, loop = (job, other) if kind == "tick" else (other, job)
    return Jobs(tick, [loop], zone=Wall(), stop_seconds=stop_seconds)


@KINDS
def test_a_job_without_the_store_runs_again_and_a_slow_one_never_overlaps(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    under_way, most, runs = 0, 0, 0

    async def slow() -> None:
        nonlocal under_way, most, runs
        under_way, runs = under_way + 1, runs + 1
        most = max(most, under_way)
        await asyncio.sleep(0.12)
        under_way -= 1
        raise StoreAway("no answer")

    async def scenario() -> None:
        async with jobs(kind, PeriodicJob("slow", slow, 0.03)).running():
            await asyncio.sleep(1)

    on_virtual_loop(scenario())
    assert most == 1
    assert 4 <= runs <= 9
    assert under_way == 0  # the current run finished before the jobs ended
    assert "maximum number of running instances" not in caplog.text


@KINDS
def test_the_watchdog_reports_a_crashed_job_and_runs_it_again(kind: str) -> None:
    runs = 0

    async def crash() -> None:
        nonlocal runs
        runs += 1
        raise LookupError("nothing is there")

    async def scenario() -> None:
        async with jobs(kind, PeriodicJob("crash", crash, 1.0)).running():
            await asyncio.sleep(10)

    with capture_logs() as logs:
        on_virtual_loop(scenario())
    assert 6 <= runs <= 11
    crashed = [str(record["exc_info"]) for record in logs if record["event"] == "job_crashed"]
    assert crashed == ["nothing is there"] * runs


@KINDS
def test_the_watchdog_cancels_a_hanging_job_and_runs_it_again(kind: str) -> None:
    under_way, most, runs = 0, 0, 0

    async def hang() -> None:
        nonlocal under_way, most, runs
        under_way, runs = under_way + 1, runs + 1
        most = max(most, under_way)
        try:
            await asyncio.Event().wait()
        finally:
            under_way -= 1

    async def scenario() -> None:
        async with jobs(kind, PeriodicJob("hang", hang, 1.0, hangs_after=5.0)).running():
            await asyncio.sleep(30)

    with capture_logs() as logs:
        on_virtual_loop(scenario())
    assert most == 1
    assert 4 <= runs <= 6
    assert [record["job"] for record in logs if record["event"] == "job_hung"] == ["hang"] * (runs - 1)
    assert not [record for record in logs if record["event"] == "job_crashed"]


@KINDS
async def test_a_job_waiting_at_shutdown_leaves_no_traceback(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    begun = asyncio.Event()

    async def waits() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with jobs(kind, PeriodicJob("waits", waits, 1.0), stop_seconds=0.05).running():
        await begun.wait()
    for _ in range(5):
        await asyncio.sleep(0)  # the cancelled run ends
    assert not [record for record in caplog.records if record.exc_info]
