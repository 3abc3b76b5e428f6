"""Moments that people name by a wall clock: handovers, quiet hours, *until 09:00*. Pure.

Where the clocks skip a time, its moment is later by what they skip. A time that comes twice means the first one.
"""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def moment_on(day: date, clock_time: time, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which clocks in this zone show this time on this day."""
    return datetime.combine(day, clock_time, zone).astimezone(UTC)


def first_moment_from(day: date, clock_time: time, zone: ZoneInfo) -> datetime:
    """As `moment_on`. But where the clocks skip this time, it is the first moment after the skipped times."""
    local = datetime.combine(day, clock_time, zone)
    later, moment = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if moment >= later:
        return later  # nothing is skipped here
    offset = later.astimezone(zone).utcoffset()
    while moment.astimezone(zone).utcoffset() != offset:
        moment += MINUTE
    return moment


def next_moment(at: datetime, clock_time: time, zone: ZoneInfo) -> datetime:
    """The first moment after `at` at which clocks in this zone show this time."""
    today = at.astimezone(zone).date()
    moments = (moment_on(today + days * DAY, clock_time, zone) for days in range(-1, 3))
    return next(moment for moment in moments if moment > at)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyWindow:
    """Hours that come back each week: quiet hours, or maintenance. It contains `start`, but not `end`.

    No window vanishes where the clocks go forward. If they skip its start, its rest stays, from the first minute on.
    If they skip all of it, it follows at once.
    """

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

    def next_start(self, at: datetime) -> datetime | None:
        """The first start of a window after `at`. None: there is no window."""
        today = at.astimezone(self.zone).date()
        days = (today + offset * DAY for offset in range(-1, 9))
        starts = (first_moment_from(day, self.start, self.zone) for day in days if day.weekday() in self.days)
        return next((start for start in starts if start > at), None)

    def _around(self, at: datetime) -> list[tuple[datetime, datetime]]:
        """The windows that start on the days around this moment."""
        today = at.astimezone(self.zone).date()
        days = (today + offset * DAY for offset in range(-2, 2))
        return [self._on(day) for day in days if day.weekday() in self.days]

    def _on(self, day: date) -> tuple[datetime, datetime]:
        last = day if self.end > self.start else day + DAY
        start, end = first_moment_from(day, self.start, self.zone), moment_on(last, self.end, self.zone)
        if end <= start:
            end = start + (datetime.combine(last, self.end) - datetime.combine(day, self.start))
        return start, end


DAY_BEGINS = time(9)
"""The time that people mean by a day alone, such as *until friday*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedMoment:
    """A moment as people name it: *2h*, *09:00*, *fri 09:00*, *2026-12-24 18:00*. One of the fields is set.

    A clock time may have a weekday, or a date, or a number of days ahead.
    """

    after: timedelta | None = None
    """From now on."""
    exact: datetime | None = None
    """With an offset from UTC, or a day and a time in UTC."""
    clock_time: time | None = None
    weekday: int | None = None
    """0 is Monday."""
    day: date | None = None
    days_ahead: int | None = None
    """0 is today."""

    def resolve(self, now: datetime, zone: ZoneInfo, *, begins: bool = False) -> datetime:
        """The moment, in UTC, for a person in this zone. Without a date, the first such moment after `now`.

        `begins`: something begins then. If the clocks skip this time, it begins right after that, so it ends later.
        """
        on = first_moment_from if begins else moment_on
        if self.exact is not None:
            return self.exact.astimezone(UTC)
        if self.after is not None:
            return now + self.after
        clock_time = DAY_BEGINS if self.clock_time is None else self.clock_time
        today = now.astimezone(zone).date()
        if self.day is not None:
            return on(self.day, clock_time, zone)
        if self.days_ahead is not None:
            return on(today + self.days_ahead * DAY, clock_time, zone)
        ahead: Sequence[int] = range(-1, 3)
        if self.weekday is not None:
            first = (self.weekday - today.weekday()) % 7
            ahead = (first, first + 7)
        moments = (on(today + days * DAY, clock_time, zone) for days in ahead)
        return next(moment for moment in moments if moment > now)


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone with this IANA name, in any case. None: there is none."""
    try:
        return ZoneInfo(_zones().get(name.strip().casefold(), name))
    except (KeyError, ValueError, OSError):
        return None


@cache
def _zones() -> dict[str, str]:
    """All names of time zones, by their lower-case form."""
    return {name.casefold(): name for name in available_timezones()}


def zones_like(name: str) -> tuple[str, ...]:
    """The zones of this city, or of the most similar one: Europe/Berlin for *berlin* and *berln*."""
    wanted = name.strip().casefold().replace(" ", "_")
    cities = {key: key.rpartition("/")[2] for key in _zones()}
    near = [wanted] if wanted in cities.values() else difflib.get_close_matches(wanted, cities.values(), 1, 0.8)
    return tuple(sorted(_zones()[key] for key, city in cities.items() if city in near))
