"""The time, as the whole bot is told it."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

SLEW = 0.1  # of the time that passes: a wait is never off by more than that
JUMP_SECONDS = 2.0
TOGETHER_SECONDS = 0.1
# Of the clocks that only go on, the one that also counts while the machine sleeps: a lease runs out meanwhile.
_PASSING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

log = structlog.get_logger(__name__)


def _wall() -> float:
    return datetime.now(UTC).timestamp()  # noqa: TID251 (the one place where time comes in)


def _passed() -> float:
    return time.clock_gettime(_PASSING)


class SystemClock:
    """Implements `ports.Clock`.

    `now` never jumps: it goes on with the monotonic clock, and where the wall clock was set it draws near to it slowly,
    as NTP does. So no wait is cut short when the clock is put forward, nor drawn out when it is put back.

    `wall`: seconds since the epoch, which somebody may set. `passing`: seconds that only go on.
    """

    def __init__(self, wall: Callable[[], float] = _wall, passing: Callable[[], float] = _passed) -> None:
        self._wall = wall
        self._passing = passing
        self._at, self._shown = self._both()
        self._told_off_by = 0.0

    def now(self) -> datetime:
        at, wall = self._both()
        passed = at - self._at
        behind = wall - (self._shown + passed)
        self._tell(behind)
        self._at = at
        self._shown += passed + max(-SLEW * passed, min(behind, SLEW * passed))
        return datetime.fromtimestamp(self._shown, UTC)

    def monotonic(self) -> float:
        return self._passing()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _both(self) -> tuple[float, float]:
        """Both clocks at one moment. Where the process stood still between the two looks, as if one of them had been
        set, it looks again."""
        while True:
            before, wall, after = self._passing(), self._wall(), self._passing()
            if after - before < TOGETHER_SECONDS:
                return after, wall

    def _tell(self, behind: float) -> None:
        if abs(behind - self._told_off_by) > JUMP_SECONDS:
            log.warning("wall_clock_set", seconds=round(behind - self._told_off_by, 1))
        self._told_off_by = behind
