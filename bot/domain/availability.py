"""How long a pipeline was live, was not, or is not known to have been either. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.history import Stretch
from bot.domain.wall_clock import DAY, moment_on

MIDNIGHT = datetime.min.time()
NONE = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """The parts of a window. Unknown time counts for neither side: `share` leaves it out."""

    live: timedelta = NONE
    not_live: timedelta = NONE
    unknown: timedelta = NONE

    @property
    def known(self) -> timedelta:
        return self.live + self.not_live

    @property
    def share(self) -> float | None:
        """The live part of the known time, from 0 to 1. None if nothing is known."""
        return self.live / self.known if self.known else None


def availability(stretches: Iterable[Stretch], since: datetime, until: datetime) -> Availability:
    """The parts of the window from `since` to `until`. Of two stretches at one time, the earlier one counts."""
    live = not_live = NONE
    reached = since
    for stretch in sorted(stretches, key=lambda stretch: stretch.since):
        start, end = max(stretch.since, reached), min(stretch.until, until)
        if start >= end:
            continue
        if stretch.live:
            live += end - start
        else:
            not_live += end - start
        reached = end
    return Availability(live=live, not_live=not_live, unknown=max(NONE, until - since - live - not_live))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAvailability:
    """One calendar day. The current one ends now."""

    since: datetime
    availability: Availability


def by_day(stretches: Sequence[Stretch], now: datetime, zone: ZoneInfo, days: int) -> tuple[DayAvailability, ...]:
    """The last calendar days in this zone, oldest first."""
    today = now.astimezone(zone).date()
    starts = [moment_on(today - number * DAY, MIDNIGHT, zone) for number in range(days - 1, -1, -1)]
    ends = [*starts[1:], now.astimezone(UTC)]
    return tuple(
        DayAvailability(since=start, availability=availability(stretches, start, max(start, end)))
        for start, end in zip(starts, ends, strict=True)
    )
