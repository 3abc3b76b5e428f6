"""The one clock of the bot."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bot.ports.telemetry import emit
from bot.ports.telemetry.process import WallClockSet

SLEW = 0.1  # of the time that passes, so a wait is off by 10 % at most
JUMP_SECONDS = 2.0
TOGETHER_SECONDS = 0.1
# This monotonic clock also counts while the machine sleeps, as leases do.
_PASSING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _wall() -> float:
    return datetime.now(UTC).timestamp()  # noqa: TID251 (the only place that reads the wall clock)


def _passed() -> float:
    return time.clock_gettime(_PASSING)


class SystemClock:
    """Implements `ports.Clock`.

    `now` never jumps. It follows the monotonic clock, and approaches a wall clock that was set slowly, as NTP does.
    So a clock set forward shortens no wait, and a clock set back prolongs none.

    `wall` gives seconds since the epoch, and people may set it. `passing` gives seconds that never go back.
    """

    def __init__(self, wall: Callable[[], float] = _wall, passing: Callable[[], float] = _passed) -> None:
        self._wall = wall
        self._passing = passing
        self._at, self._shown = self._both()
        self._reported = 0.0

    def now(self) -> datetime:
        at, wall = self._both()
        passed = at - self._at
        behind = wall - (self._shown + passed)
        self._report(behind)
        self._at = at
        self._shown += passed + max(-SLEW * passed, min(behind, SLEW * passed))
        return datetime.fromtimestamp(self._shown, UTC)

    def monotonic(self) -> float:
        return self._passing()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _both(self) -> tuple[float, float]:
        """Both clocks at one moment. If the process stood still between the two, it reads them again: that pause would
        look like a clock that was set."""
        while True:
            before, wall, after = self._passing(), self._wall(), self._passing()
            if after - before < TOGETHER_SECONDS:
                return after, wall

    def _report(self, behind: float) -> None:
        if abs(behind - self._reported) > JUMP_SECONDS:
            emit(WallClockSet(seconds=round(behind - self._reported, 1)))
        self._reported = behind
