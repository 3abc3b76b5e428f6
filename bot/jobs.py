"""What APScheduler runs: every few seconds, the jobs of the bot."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from bot.ports import ChatAway, StoreAway

LATE_SECONDS = 1.0
WATCH_SECONDS = 0.5
GOODBYE_SECONDS = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """`seconds` is the time from one run to the next. A run that is late is made up for once, and none overlap."""

    name: str
    run: Callable[[], Awaitable[object]]
    seconds: float


class _Evenly(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """So long from one run to the next, and never in arrears.

    APScheduler's own interval, where the wall clock was put forward, first reckons up every run that would have been:
    345,600 ticks for a day, and everything else stands still meanwhile.
    """

    def __init__(self, seconds: float) -> None:
        self._step = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        following = previous + self._step if previous else now
        return following if following > now else now + self._step


def _quiet() -> logging.Logger:
    """APScheduler warns of each run that it leaves out since the one before is still under way. That is as it should
    be, and after a process stood still it is so with every job."""
    quiet = logging.getLogger(f"{__name__}.apscheduler")
    quiet.setLevel(logging.ERROR)
    return quiet


class Schedule:
    """Due times are monotonic and kept by the poller; the scheduler only ticks. The first job is to run most often.

    It lives by the wall clock, and where that steps back its jobs stop (https://github.com/agronholm/apscheduler/issues/752):
    a watch on the monotonic clock of the loop arms the jobs anew when the first is late.

    `zone`: in which it asks `datetime` for the wall clock.
    """

    def __init__(self, jobs: Iterable[Job], *, zone: tzinfo = UTC, goodbye_seconds: float = GOODBYE_SECONDS) -> None:
        self._jobs = tuple(jobs)
        self._zone = zone
        self._goodbye_seconds = goodbye_seconds
        self._scheduler = AsyncIOScheduler(timezone=zone, logger=_quiet())
        self._ran_at: dict[str, float] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._busy: set[str] = set()
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        for job in self._jobs:
            self._ran_at[job.name] = self._passed()
            self._arm(job)
        self._scheduler.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(), name="schedule watch")
                try:
                    yield
                finally:
                    watching.cancel()
        finally:
            self._stopping = True
            self._scheduler.remove_all_jobs()
            if self._running:
                await asyncio.wait(self._running, timeout=self._goodbye_seconds)
            self._scheduler.shutdown(wait=False)

    async def _run(self, job: Job) -> None:
        self._busy.add(job.name)
        with self._counted():
            try:
                await job.run()
            except (StoreAway, ChatAway) as exc:
                log.warning("job_put_off", job=job.name, problem=str(exc))
            except asyncio.CancelledError:
                if not self._stopping:
                    raise
                log.warning("job_put_off", job=job.name, problem="it was still waiting when the bot stopped")
            finally:
                self._ran_at[job.name] = self._passed()
                self._busy.discard(job.name)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """What is under way at the end is let come to its end: it uses what is closed after it."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a coroutine runs in a task)
        self._running.add(task)
        try:
            yield
        finally:
            self._running.discard(task)

    def _arm(self, job: Job) -> None:
        self._scheduler.add_job(
            partial(self._run, job),
            _Evenly(job.seconds),
            id=job.name,
            next_run_time=datetime.now(self._zone),  # noqa: TID251 (the scheduler's own clock)
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            replace_existing=True,
        )

    @staticmethod
    def _passed() -> float:
        return asyncio.get_running_loop().time()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for job in self._jobs:
                late = self._passed() - self._ran_at[job.name] - job.seconds
                if late > LATE_SECONDS and job.name not in self._busy:
                    log.warning("job_late", job=job.name, seconds=round(late, 1))
                    self._ran_at[job.name] = self._passed()
                    self._arm(job)
