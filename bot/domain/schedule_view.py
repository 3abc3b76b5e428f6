"""What a schedule says about now and the time ahead: people, handovers, gaps, overrides, shadows. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.calendar import CalendarCopy
from bot.domain.on_call import OnCall, OnCallReason
from bot.domain.on_call_setup import (
    SavedOverride,
    SavedSchedule,
    SavedShadow,
    calendar_copy,
    name_key,
    on_call_in,
    overrides_of,
    people_of,
    shadows_of,
)
from bot.domain.setup import Setup, SetupRow
from bot.domain.watch import Target

AHEAD = timedelta(days=14)
MOST_TURNS = 8
MOST_CHANGES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnAhead:
    """A time in which the same people are on call. Nobody: a gap."""

    start: datetime
    end: datetime | None
    """None: as far as the schedule goes."""
    people: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleView:
    """One schedule at one moment."""

    saved: SavedSchedule
    on_call: OnCall
    turns: tuple[TurnAhead, ...]
    """From now on, for two weeks at least or `MOST_TURNS`. The first one is the current one."""
    overrides: tuple[SavedOverride, ...]
    """Those that have not ended, the earliest first."""
    shadows: tuple[SavedShadow, ...]
    """Those that have not ended, the earliest first."""
    copy: CalendarCopy | None
    at: datetime

    @property
    def people(self) -> tuple[Target, ...]:
        """The people on call now."""
        return self.turns[0].people

    @property
    def gaps(self) -> tuple[TurnAhead, ...]:
        """The times ahead in which nobody is on call."""
        return tuple(turn for turn in self.turns if not turn.people)

    @property
    def reason(self) -> OnCallReason:
        return self.on_call.reason


def schedule_view(setup: Setup, saved: SavedSchedule, at: datetime) -> ScheduleView | None:
    """None: the schedule is not part of this setup."""
    now = on_call_in(setup, saved.name, at)
    if now is None:
        return None
    return ScheduleView(
        saved=saved,
        on_call=now,
        turns=_turns(setup, saved.name, at),
        overrides=_ahead(overrides_of(setup, saved.name), at),
        shadows=tuple(row for row in shadows_of(setup, saved.name) if row.end > at),
        copy=calendar_copy(setup, saved),
        at=at,
    )


def _turns(setup: Setup, schedule: str, at: datetime) -> tuple[TurnAhead, ...]:
    turns: list[TurnAhead] = []
    moment: datetime | None = at
    while moment is not None and len(turns) < MOST_TURNS and (moment - at < AHEAD or len(turns) < 2):
        found = on_call_in(setup, schedule, moment, known_at=at)
        if found is None:
            break
        people = people_of(setup, schedule, found.people)
        turns.append(TurnAhead(start=moment, end=found.until, people=people))
        moment = found.until
    return tuple(turns)


def _ahead(overrides: Iterable[SavedOverride], at: datetime) -> tuple[SavedOverride, ...]:
    return tuple(sorted((row for row in overrides if row.end > at), key=lambda row: (row.start, row.made_at)))


def changes_nothing(setup: Setup, row: SavedOverride, at: datetime) -> bool:
    """True if this override replaces nobody: in its time, the replaced person is not on call, or its own person is.

    Nobody knows what a calendar says after two weeks.
    """
    saved = setup.get(SavedSchedule, name_key(row.schedule))
    if saved is None or (saved.calendar and row.end > at + AHEAD):
        return False
    shown, moment = with_rows(setup, row) if row.instead_of else without_rows(setup, row), row.start
    for _ in range(MOST_CHANGES):
        found = on_call_in(shown, row.schedule, moment, known_at=at)
        if found is None:
            return False
        if row.override in found.overrides if row.instead_of else tuple(found.people) != (row.person.id,):
            return False
        if found.until is None or found.until >= row.end:
            return True
        moment = found.until
    return False


def with_rows(setup: Setup, *rows: SetupRow) -> Setup:
    """The setup as it would be with these rows."""
    keys = {row.key for row in rows}
    return Setup((*(row for row in setup.rows if row.key not in keys), *rows))


def without_rows(setup: Setup, *rows: SetupRow) -> Setup:
    """The setup as it would be if these rows ended."""
    keys = {row.key for row in rows}
    return Setup(tuple(row for row in setup.rows if row.key not in keys))


def schedules_in_order(setup: Setup) -> tuple[SavedSchedule, ...]:
    return tuple(sorted(setup.all(SavedSchedule), key=lambda row: name_key(row.name)))
