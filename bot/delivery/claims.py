"""Decides which lane makes the next call while calls are scarce: the one with the most urgent message."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bot.domain.delivery import Lane, Priority
from bot.ports.clock import Clock

CLAIM_SECONDS = 1.5  # a lane renews its claims twice a second while it waits


class Rank(NamedTuple):
    """How urgent a message is: lower goes first. The older message, then the lane's name, settles a tie."""

    at_fault: bool
    """See `Faults`. Such a message goes last, or it would keep all others waiting."""
    priority: Priority
    made_at: datetime
    lane: str


class _Claim(NamedTuple):
    rank: Rank
    until: float


@dataclass(slots=True)
class Claims:
    """The calls that lanes wait for: a claim says that a lane with a message of this rank wants to call this method.

    Claims expire, so a lane that hangs does not delay the others for long. Times are monotonic seconds.
    """

    clock: Clock
    _by_lane: dict[Lane, dict[str, _Claim]] = field(default_factory=dict)

    def make(self, lane: Lane, method: str, rank: Rank) -> None:
        """Keeps the lane's best rank for this method."""
        claims = self._by_lane.setdefault(lane, {})
        best = min(rank, claims[method].rank) if method in claims else rank
        claims[method] = _Claim(best, self.clock.monotonic() + CLAIM_SECONDS)

    def withdraw(self, lane: Lane) -> None:
        self._by_lane.pop(lane, None)

    def seconds_until_first(self, lane: Lane, method: str, rank: Rank) -> float:
        """Seconds until every claim ahead of `rank` expires, unless its lane renews it; 0 if none is ahead."""
        now = self.clock.monotonic()
        others = (claims.get(method) for other, claims in self._by_lane.items() if other != lane)
        return max((claim.until - now for claim in others if claim and claim.rank < rank), default=0.0)
