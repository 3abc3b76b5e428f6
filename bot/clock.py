"""The bot's time: the store's. All bots of a workspace share it, and no machine's clock counts."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Self

from bot.ports.store_time import StoreTime, TimeStore
from bot.ports.telemetry import emit
from bot.ports.telemetry.store import StoreClockSet, TimeAhead

SLEW = 0.1  # of the time that passes, so a wait is off by 10 % at most
STEP_BEYOND = 60.0  # seconds; the slew closes a smaller gap within ten minutes
REPORT_JUMP = 2.0  # seconds; less is drift
REPORT_AHEAD = 3600.0  # seconds; the slew needs over ten hours for it, and lookups start too late (`protocol.py`)
_FIX = "set Redis' clock, or stop all bots, delete the key clock, start them: docs/troubleshooting.md"
# This monotonic clock also counts while the machine sleeps, as leases do.
_PASSING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


_passed = partial(time.clock_gettime, _PASSING)


def slew_or_step(shown: float, passed: float, clock: float) -> float:
    """The time to show `passed` seconds after `shown`, while the store's clock shows `clock`. All in seconds.

    Far behind, the time steps to the store's clock: waits end early, and the heartbeat announces a gap. Otherwise it
    approaches that clock by `SLEW`. It never goes back, because others have seen the times already written.
    """
    behind = clock - (shown + passed)
    if behind > STEP_BEYOND:
        return clock
    return shown + passed + max(-SLEW * passed, min(behind, SLEW * passed))


class StoreClock:
    """Implements `ports.Clock`. `follow` runs every few seconds.

    `now` passes with the monotonic clock and never goes back. If the store's clock jumps, because someone set it or
    another server took over, `now` follows it by the rule of `slew_or_step`.
    """

    def __init__(self, store: TimeStore, started: StoreTime, passing: Callable[[], float] = _passed) -> None:
        self._store = store
        self._passing = passing
        self._at = passing()
        self._shown = started.latest.timestamp()
        self._offset = started.clock.timestamp() - self._at
        """The store's clock minus the monotonic one."""
        self._ahead_reported = False

    @classmethod
    async def start(cls, store: TimeStore, passing: Callable[[], float] = _passed) -> Self:
        """Begins at the time that the other bots have.

        Raises:
            StoreAway: without the store there is no time.
        """
        return cls(store, await store.time(), passing)

    async def follow(self) -> None:
        """Compares this bot's time with the store's, and keeps it there if it is the latest.

        Raises:
            StoreAway: meanwhile the monotonic clock goes on.
        """
        asked_at = self._passing()
        answer = await self._store.time(self.now())
        self.now()
        clock = answer.clock.timestamp()
        # The store read its clock between call and answer. An offset that fits both is not corrected by a slow answer.
        offset = min(max(self._offset, clock - self._at), clock - asked_at)
        if abs(step := offset - self._offset) > REPORT_JUMP:
            emit(StoreClockSet(seconds=round(step, 1)))
        self._offset = offset
        self._shown = max(self._shown, answer.latest.timestamp())
        self._report_if_ahead()

    def _report_if_ahead(self) -> None:
        ahead = self._shown - (self._offset + self._at)
        if ahead > REPORT_AHEAD and not self._ahead_reported:
            emit(TimeAhead(seconds=round(ahead, 1), fix=_FIX))
        self._ahead_reported = ahead > REPORT_AHEAD

    def now(self) -> datetime:
        at = self._passing()
        self._shown = slew_or_step(self._shown, at - self._at, self._offset + at)
        self._at = at
        return datetime.fromtimestamp(self._shown, UTC)

    def monotonic(self) -> float:
        return self._passing()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
