"""Detects flapping by Icinga's weighted window. Pure.

Icinga weighs the last 20 check results: the share of those that changed, the newer ones more, starts flapping above one
limit and ends it below a lower one. The bot reads at changing intervals and stores no unchanged reading. So each full
`quiet` time without a change counts as one unchanged result, and the last 20 changes are all that needs to be stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

NEWEST_WEIGHT = 1.2
OLDEST_WEIGHT = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class FlapWindow:
    """The length of the window and its limits."""

    results: int = 20
    quiet: timedelta = timedelta(seconds=30)
    """So much time without a change counts as one unchanged result."""
    enter_above: float = 0.3
    leave_below: float = 0.2

    def share(self, changes: Sequence[datetime], at: datetime) -> float:
        """The weighted share of changed results, from 0 to 1. `changes`: oldest first, none after `at`."""
        share, place, later = 0.0, 0, at
        for change in reversed(changes):
            place += (later - change) // self.quiet
            if place >= self.results:
                break
            share += self._weight(place) / self.results
            place, later = place + 1, change
        return share

    def is_flapping(self, changes: Sequence[datetime], at: datetime, *, before: bool) -> bool:
        """True if the pipeline flaps now; `before`: whether it did until now."""
        share = self.share(changes, at)
        return share >= self.leave_below if before else share > self.enter_above

    def calm_at(self, changes: Sequence[datetime], at: datetime) -> datetime:
        """When a flapping pipeline leaves the band if it changes no more. `at` if it is out already."""
        if not changes or self.share(changes, at) < self.leave_below:
            return at
        ends = (changes[-1] + count * self.quiet for count in range(1, self.results + 1))
        return next(end for end in ends if end > at and self.share(changes, end) < self.leave_below)

    def _weight(self, place: int) -> float:
        """Of a result; the newest has the place 0."""
        return NEWEST_WEIGHT - (NEWEST_WEIGHT - OLDEST_WEIGHT) * place / (self.results - 1)


DEFAULT_WINDOW = FlapWindow()
