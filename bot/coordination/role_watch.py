"""Announces the roles of this process, and notices if nobody plays one of the others."""

from collections.abc import Collection

from bot.domain.presence import ABSENT_SECONDS, WITHOUT, ReadingSource, UnbrokenView, absence
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.presence import Presence
from bot.ports.telemetry import emit
from bot.ports.telemetry.process import RolesComplete, RolesMissing


class RoleWatch:
    """`check` runs every few seconds. `source`: what this process reads if it is the active scheduler."""

    def __init__(
        self,
        *,
        presence: Presence,
        roles: Collection[str],
        source: ReadingSource | None,
        leadership: LeadershipStatus,
        clock: Clock,
    ) -> None:
        self._presence = presence
        self._roles = roles
        self._source = source
        self._leadership = leadership
        self._clock = clock
        self._view = UnbrokenView()
        self._seen: dict[str, float] = {}
        """By role: when it was last seen, in monotonic seconds. At first, and after a gap, when the view began."""
        self._missing: tuple[str, ...] = ()

    async def check(self) -> None:
        """
        Raises:
            StoreAway: the next check tries again.
        """
        source = self._source if self._leadership.is_leader else None
        announced = await self._presence.announce(self._roles, source)
        now, at = self._clock.monotonic(), self._clock.now()
        begins = self._view.renew(now)
        for role in WITHOUT:
            ages = [0.0 if begins and not self.is_missing(role) else now - self._seen[role]]
            if stored := announced.seen.get(role):
                ages.append(max(0.0, (at - stored).total_seconds()))
            # A role that vanished from Redis was seen before. At first, and after a gap, the others get time.
            self._seen[role] = now - min(ages)
        self._report(now)

    def _report(self, now: float) -> None:
        missing = tuple(role for role, seen in self._seen.items() if now - seen > ABSENT_SECONDS)
        if missing == self._missing:
            return
        self._missing = missing
        if missing:
            emit(RolesMissing(roles=missing, problem=self.problem or ""))
        else:
            emit(RolesComplete())

    def is_missing(self, role: str) -> bool:
        """True if no process plays this role."""
        return role in self._missing

    @property
    def problem(self) -> str | None:
        """The roles that nobody plays, in words for the operator. None: each is played."""
        now = self._clock.monotonic()
        return "; ".join(absence(role, now - self._seen[role]) for role in self._missing) or None
