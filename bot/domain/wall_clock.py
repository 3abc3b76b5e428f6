"""Moments that people name by a wall clock: handovers, quiet hours, *until 09:00*. Pure.

Where the clocks skip a time, its moment is later by what they skip. A time that comes twice means the first one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def moment_on(day: date, clock_time: time, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which clocks in this zone show this time on this day."""
    return datetime.combine(day, clock_time, zone).astimezone(UTC)


def next_moment(at: datetime, clock_time: time, zone: ZoneInfo) -> datetime:
    """The first moment after `at` at which clocks in this zone show this time."""
    today = at.astimezone(zone).date()
    moments = (moment_on(today + days * DAY, clock_time, zone) for days in range(-1, 3))
    return next(moment for moment in moments if moment > at)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyWindow:
    """Hours that come back each week: quiet hours, or maintenance. It contains `start`, but not `end`."""

    days: Collection[int]
    """Weekdays on which the window starts. 0 is Monday."""
    start: time
    end: time
    """At or before `start`: of the next day."""
    zone: ZoneInfo

    def end_of(self, at: datetime) -> datetime | None:
        """The end of the window at this moment. None outside of the window.

        Windows that touch are one: from Monday to Friday, 00:00 to 00:00 ends on Saturday.
        """
        ends = [end for start, end in self._around(at) if start <= at < end]
        if not ends:
            return None
        end = max(ends)
        while later := [later for start, later in self._around(end) if start <= end < later]:
            end = max(later)
            if end - at > 7 * DAY:
                return end  # always open
        return end

    def _around(self, at: datetime) -> list[tuple[datetime, datetime]]:
        """The windows that start on the days around this moment."""
        today = at.astimezone(self.zone).date()
        days = (today + offset * DAY for offset in range(-2, 2))
        return [
            (
                moment_on(day, self.start, self.zone),
                moment_on(day if self.end > self.start else day + DAY, self.end, self.zone),
            )
            for day in days
            if day.weekday() in self.days
        ]
