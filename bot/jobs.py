"""Runs what the bot does every few seconds: the poll tick on APScheduler, every other job as a plain loop.

A watchdog on the monotonic clock restarts a job that raised an error, hangs, or was not started again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.ports.chat import ChatAway
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.process import JobCrashed, JobHung, JobLate, JobPostponed

LATE_SECONDS = 1.0  # from then on, a late poll tick is reported and started
WATCH_SECONDS = 0.5  # between two looks of the watchdog
JOBS_STOP_SECONDS = 5.0  # for all runs in progress, when the bot stops
HANGS_AFTER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """`seconds` is the time from one start to the next. Two runs never overlap, and a missed run is left out.

    The watchdog cancels a run that takes longer than `hangs_after`.
    """

    name: str
    run: Callable[[], Awaitable[object]]
    seconds: float
    hangs_after: float = HANGS_AFTER_SECONDS


class _Runner:
    """Runs one job in a task, one run at a time. Subclasses decide when the next run starts.

    `_since`: when the current run began or, between two runs, when the last one ended.
    """

    def __init__(self, job: PeriodicJob, stopping: asyncio.Event) -> None:
        self._job = job
        self._stopping = stopping
        self._running = False
        self._since = _now()
        self._task: asyncio.Task[None] | None = None

    def supervise(self) -> None:
        """Cancels a run that hangs and reports one that crashed. The watchdog calls this twice a second."""
        seconds = _now() - self._since
        if self._running and seconds > self._job.hangs_after and self._task:
            emit(JobHung(job=self._job.name, seconds=round(seconds)))
            self._since = _now()  # cancel again after the same time, if the run survives this
            self._task.cancel()
        if self._task and self._task.done() and not self._task.cancelled() and (exc := self._task.exception()):
            self._task = None
            emit(JobCrashed(job=self._job.name, exception=exc))

    async def end(self, deadline: float) -> None:
        """Lets a run in progress finish until `deadline`. Then reports it as postponed and cancels it."""
        if self._task:
            await asyncio.wait({self._task}, timeout=max(0.0, deadline - _now()))
        self.supervise()
        if self._task and not self._task.done():
            emit(JobPostponed(job=self._job.name, problem="it was still running when the bot stopped"))
            self._task.cancel()

    async def _run(self) -> None:
        self._running, self._since = True, _now()
        try:
            await self._job.run()
        except (StoreAway, ChatAway) as exc:
            emit(JobPostponed(job=self._job.name, problem=str(exc)))
        finally:
            self._running, self._since = False, _now()


class _Loop(_Runner):
    """A job as a plain loop: run, wait, run again."""

    def start(self, *, after: float = 0.0) -> None:
        self._task = asyncio.create_task(self._loop(after), name=self._job.name)

    def supervise(self) -> None:
        super().supervise()
        if (self._task is None or self._task.done()) and not self._stopping.is_set():
            self.start(after=self._job.seconds)

    async def _loop(self, after: float) -> None:
        await self._wait(after)
        while not self._stopping.is_set():
            began = _now()
            await self._run()
            await self._wait(self._job.seconds - (_now() - began))

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), max(0.0, seconds))


class _Tick(_Runner):
    """The poll tick: APScheduler fires it once, and the end of each run arms the next.

    APScheduler only says when the next tick is due, by the wall clock, which may jump. Its interval trigger would run
    every tick that a jump forward skips. So each tick is a one-shot job. After a jump back a tick comes too late
    (https://github.com/agronholm/apscheduler/issues/752), so the watchdog starts it.
    """

    def __init__(self, job: PeriodicJob, stopping: asyncio.Event, zone: tzinfo) -> None:
        super().__init__(job, stopping)
        self._zone = zone
        self._scheduler = AsyncIOScheduler(timezone=zone)

    def start(self) -> None:
        self._arm(after=0.0)
        self._scheduler.start()

    def supervise(self) -> None:
        super().supervise()
        late = _now() - self._since - self._job.seconds
        if late > LATE_SECONDS and not self._running:
            emit(JobLate(job=self._job.name, seconds=round(late, 1)))
            self._since = _now()
            self._arm(after=0.0)

    async def end(self, deadline: float) -> None:
        self._scheduler.remove_all_jobs()
        await super().end(deadline)
        self._scheduler.shutdown(wait=False)

    def _arm(self, *, after: float) -> None:
        due = datetime.now(self._zone) + timedelta(seconds=max(0.0, after))  # noqa: TID251 (the scheduler's own clock)
        self._scheduler.add_job(
            self._fire, "date", run_date=due, id=self._job.name, misfire_grace_time=None, replace_existing=True
        )

    async def _fire(self) -> None:
        if self._stopping.is_set() or (self._task and not self._task.done()):
            return
        super().supervise()  # reports a crash of the last run
        self._task = asyncio.create_task(self._tick(), name=self._job.name)

    async def _tick(self) -> None:
        began = _now()
        try:
            await self._run()
        finally:
            if not self._stopping.is_set():
                self._arm(after=self._job.seconds - (_now() - began))


class Jobs:
    """Runs `tick` and `loops` while `running()` is open. At its end, runs in progress get `stop_seconds` to finish.

    `tick` is None in a process that doesn't poll.
    `zone`: the time zone in which APScheduler asks for the time. Tests pass one with a clock of their own.
    """

    def __init__(
        self,
        tick: PeriodicJob | None,
        loops: Iterable[PeriodicJob],
        *,
        zone: tzinfo = UTC,
        stop_seconds: float = JOBS_STOP_SECONDS,
    ) -> None:
        self._tick = tick
        self._loops = tuple(loops)
        self._zone = zone
        self._stop_seconds = stop_seconds
        self._watched_at = float("inf")

    def watchdog_age(self) -> float:
        """Seconds since the watchdog last ran; 0 before its first run."""
        return max(0.0, _now() - self._watched_at)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        runners: list[_Tick | _Loop] = [_Tick(self._tick, stopping, self._zone)] if self._tick else []
        runners += [_Loop(job, stopping) for job in self._loops]
        for runner in runners:
            runner.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                watchdog = tasks.create_task(self._watch(runners), name="watchdog")
                try:
                    yield
                finally:
                    watchdog.cancel()
        finally:
            stopping.set()
            deadline = _now() + self._stop_seconds
            for runner in runners:
                await runner.end(deadline)

    async def _watch(self, runners: Iterable[_Tick | _Loop]) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            self._watched_at = _now()
            for runner in runners:
                runner.supervise()


def _now() -> float:
    return asyncio.get_running_loop().time()
