"""People who take turns of whole days or weeks. Pure.

A handover is a wall-clock time on a calendar date in the schedule's time zone, never a number of seconds after another
one: a turn during which the clocks change is an hour shorter or longer. (GoAlert's rotations work like this.)
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from bot.domain.wall_clock import moment_on
from bot.domain.watch import UserId


class TurnUnit(IntEnum):
    """The value is the unit's length in days."""

    DAYS = 1
    WEEKS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A time in which the same people are on call. It contains `start`, but not `end`. Both are in UTC."""

    people: tuple[UserId, ...]
    start: datetime
    end: datetime
    priority: int = 0
    """Of an event in a calendar. The highest wins."""

    def covers(self, at: datetime) -> bool:
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Takes turns from the handover on `anchor` on. Before that, nobody is on call."""

    people: tuple[UserId, ...]
    """In the order of their turns. The first one has the turn that starts on `anchor`."""
    every: int
    """The length of a turn, in units. At least 1."""
    unit: TurnUnit
    handover: time
    """Wall-clock time."""
    anchor: date
    zone: ZoneInfo

    def shift_at(self, at: datetime) -> Shift | None:
        """The turn at this moment. None before the first turn, or if the rotation has no people."""
        day = at.astimezone(self.zone).date()
        if at < self._handover_on(day):
            day -= timedelta(days=1)
        turn, started = divmod((day - self.anchor).days, self._days)
        if turn < 0 or not self.people:
            return None
        first_day = day - timedelta(days=started)
        return Shift(
            people=(self.people[turn % len(self.people)],),
            start=self._handover_on(first_day),
            end=self._handover_on(first_day + timedelta(days=self._days)),
        )

    def next_change(self, at: datetime) -> datetime | None:
        """The first handover after this moment. None if the rotation has no people."""
        if not self.people:
            return None
        return shift.end if (shift := self.shift_at(at)) else self._handover_on(self.anchor)

    @property
    def _days(self) -> int:
        return self.every * self.unit

    def _handover_on(self, day: date) -> datetime:
        return moment_on(day, self.handover, self.zone)
