"""The jobs that APScheduler runs: the poll tick and the listing of pipelines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from time import monotonic

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

TICK_SECONDS = 0.25
LATE_SECONDS = 5.0
GOODBYE_SECONDS = 5.0

log = structlog.get_logger(__name__)

Job = Callable[[], Awaitable[None]]


class Schedule:
    """Due times are monotonic and kept by the poller; the scheduler only ticks.

    It lives by the wall clock, and where that steps back its jobs stop (https://github.com/agronholm/apscheduler/issues/752):
    a watch on the monotonic clock arms the jobs anew when the tick is late.
    """

    def __init__(self, *, tick: Job, listing: Job, listing_seconds: float) -> None:
        self._tick = tick
        self._listing = listing
        self._listing_seconds = listing_seconds
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._ticked_at = monotonic()
        self._running: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._arm()
        self._scheduler.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(), name="tick watch")
                try:
                    yield
                finally:
                    watching.cancel()
        finally:
            self._scheduler.remove_all_jobs()
            if self._running:
                await asyncio.wait(self._running, timeout=GOODBYE_SECONDS)
            self._scheduler.shutdown(wait=False)

    async def _on_tick(self) -> None:
        self._ticked_at = monotonic()
        with self._counted():
            await self._tick()

    async def _on_listing(self) -> None:
        with self._counted():
            await self._listing()

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

    def _arm(self) -> None:
        policy = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None, "replace_existing": True}
        now = datetime.now(UTC)  # noqa: TID251 (the scheduler's own clock)
        self._scheduler.add_job(self._on_tick, "interval", seconds=TICK_SECONDS, id="tick", next_run_time=now, **policy)
        self._scheduler.add_job(
            self._on_listing, "interval", seconds=self._listing_seconds, id="listing", next_run_time=now, **policy
        )

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            late = monotonic() - self._ticked_at
            if late > LATE_SECONDS:
                log.warning("tick_late", seconds=round(late, 1))
                self._arm()
