"""Who is on call: `on_call(schedule, overrides, at)`. Pure.

An override wins over the calendar's event of the highest priority, or over the rotation's turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.rotation import Rotation, Shift
from bot.domain.watch import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The events of a team's own calendar, as last read."""

    shifts: tuple[Shift, ...]

    def shift_at(self, at: datetime) -> Shift | None:
        """Of several events at this moment, all people of those with the highest priority. None between events."""
        events = [shift for shift in self.shifts if shift.covers(at)]
        if not events:
            return None
        highest = max(event.priority for event in events)
        chosen = [event for event in events if event.priority == highest]
        people = tuple(dict.fromkeys(person for event in chosen for person in event.people))
        return Shift(
            people=people,
            start=max(event.start for event in events),
            end=min(event.end for event in events),
            priority=highest,
        )

    def next_change(self, at: datetime) -> datetime | None:
        """The next start or end of an event. None after the last one."""
        moments = (moment for shift in self.shifts for moment in (shift.start, shift.end))
        return min((moment for moment in moments if moment > at), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Has a name and says who is on call at each moment."""

    name: str
    source: Rotation | Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """For a time, one person is on call instead of another one or of everyone. It contains `start`, but not `end`."""

    person: UserId
    instead_of: UserId | None = None
    """None: of everyone, also of nobody."""
    start: datetime
    end: datetime
    why: str = ""
    made_by: UserId
    made_at: datetime

    def covers(self, at: datetime) -> bool:
        return self.start <= at < self.end


class OnCallReason(StrEnum):
    """The rule that decided."""

    OVERRIDE = "override"
    CALENDAR = "calendar"
    ROTATION = "rotation"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCall:
    """The people who are on call at a moment."""

    people: tuple[UserId, ...]
    """Empty: nobody."""
    reason: OnCallReason
    overrides: tuple[Override, ...] = ()
    """The overrides that changed the answer, in the order in which people made them."""
    until: datetime | None = None
    """When other people are on call. None: as far as the schedule goes, these stay."""
    following: tuple[UserId, ...] = ()
    """The people from `until` on. Empty: nobody, or `until` is None."""


def on_call(schedule: Schedule, overrides: Sequence[Override], at: datetime) -> OnCall:
    """Says who is on call, why, until when, and who follows.

    Args:
        schedule: the rotation or calendar.
        overrides: those of this schedule. They apply in the order in which people made them, so that an override of a
            stand-in counts too.
        at: aware, in any time zone.
    """
    ordered = sorted(overrides, key=lambda override: override.made_at)
    people, applied = _people(schedule, ordered, at)
    until = _until(schedule, ordered, at, people)
    return OnCall(
        people=people,
        reason=_reason(schedule, people, applied),
        overrides=applied,
        until=until,
        following=_people(schedule, ordered, until)[0] if until else (),
    )


def _people(
    schedule: Schedule, overrides: Sequence[Override], at: datetime
) -> tuple[tuple[UserId, ...], tuple[Override, ...]]:
    """The people at this moment, and the overrides that changed them."""
    shift = schedule.source.shift_at(at)
    people = shift.people if shift else ()
    applied: list[Override] = []
    for override in overrides:
        if not override.covers(at):
            continue
        if override.instead_of is None:
            people, applied = (override.person,), [override]
        elif override.instead_of in people:
            replaced = (override.person if person == override.instead_of else person for person in people)
            people = tuple(dict.fromkeys(replaced))
            applied.append(override)
    return people, tuple(applied)


def _until(
    schedule: Schedule, overrides: Sequence[Override], at: datetime, people: tuple[UserId, ...]
) -> datetime | None:
    """The first moment at which other people are on call.

    After the last override, a rotation repeats itself: if one whole round changes nothing, nothing ever will.
    """
    last_override = max((override.end for override in overrides), default=at)
    round_left = len(schedule.source.people) if isinstance(schedule.source, Rotation) else None
    change = at
    while (moment := _next_change(schedule, overrides, change)) is not None:
        change = moment
        if _people(schedule, overrides, moment)[0] != people:
            return moment
        if round_left is not None and moment > last_override:
            round_left -= 1
            if round_left < 0:
                return None
    return None


def _next_change(schedule: Schedule, overrides: Sequence[Override], at: datetime) -> datetime | None:
    moments = [moment for override in overrides for moment in (override.start, override.end) if moment > at]
    if (change := schedule.source.next_change(at)) is not None:
        moments.append(change)
    return min(moments, default=None)


def _reason(schedule: Schedule, people: tuple[UserId, ...], applied: tuple[Override, ...]) -> OnCallReason:
    if applied:
        return OnCallReason.OVERRIDE
    if not people:
        return OnCallReason.NOBODY
    return OnCallReason.ROTATION if isinstance(schedule.source, Rotation) else OnCallReason.CALENDAR
