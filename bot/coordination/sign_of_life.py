"""Pings the outside watchdog every minute, while the bot reads and delivers."""

from bot.coordination.vital_signs import VitalSigns
from bot.ports.leadership import LeadershipStatus
from bot.ports.outside_watchdog import OutsideWatchdog
from bot.ports.telemetry import emit
from bot.ports.telemetry.scheduled import WatchdogNotPinged, WatchdogPinged

PING_EVERY_SECONDS = 60.0


class SignOfLife:
    """Only the active sender pings, so a workspace has one sign of life."""

    def __init__(self, *, watchdog: OutsideWatchdog, vital_signs: VitalSigns, sending_right: LeadershipStatus) -> None:
        self._watchdog = watchdog
        self._vital_signs = vital_signs
        self._sending_right = sending_right
        self._problem: str | None = ""

    async def give(self) -> None:
        """
        Raises:
            StoreAway: the bot neither reads nor delivers, so it pings nothing.
        """
        if not self._sending_right.is_leader:
            return
        problem = await self._vital_signs.problem() or await self._watchdog.ping()
        if problem and problem != self._problem:
            emit(WatchdogNotPinged(problem=problem))
        elif self._problem is not None and problem is None:
            emit(WatchdogPinged())
        self._problem = problem
