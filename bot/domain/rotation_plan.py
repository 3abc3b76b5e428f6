"""Plans a rotation from what a person types: whose turn it is now, and from when on the turns count. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.on_call_setup import SavedRotation
from bot.domain.rotation import TurnUnit
from bot.domain.wall_clock import DAY, moment_on
from bot.domain.watch import Target

MOST_TURN_DAYS = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationWish:
    """A rotation as typed. None: nobody typed this part."""

    people: tuple[Target, ...]
    every: int = 1
    unit: TurnUnit = TurnUnit.WEEKS
    handover: time
    weekday: int | None = None
    """Of a rotation by weeks. 0 is Monday."""
    first_day: date | None = None
    """The day on which the first person's turn starts."""
    zone: str


def planned_rotation(wish: RotationWish, before: SavedRotation | None, now: datetime) -> SavedRotation:
    """The first person's turn has begun, unless the wish names a day. A change keeps the current person's turn, and the
    first day of turns that have not begun.

    So an edit of the list of people moves nobody's shift, as long as they stay in the list.
    """
    zone = ZoneInfo(wish.zone)
    if wish.first_day is not None:
        return _saved(wish, wish.first_day)
    weekday = (0 if wish.weekday is None else wish.weekday) if wish.unit is TurnUnit.WEEKS else None
    begun = _last_handover(now, wish.handover, weekday, zone)
    if before is None:
        return _saved(wish, begun)
    current = before.rotation.shift_at(now)
    if current is None:  # its first turn is still to come
        return _saved(wish, _first_day(before.anchor, weekday))
    if _same_turns(wish, weekday, before):
        begun = current.start.astimezone(zone).date()
    turns = [index for index, person in enumerate(wish.people) if person.id in current.people]
    return _saved(wish, begun - (turns[0] if turns else 0) * wish.every * wish.unit * DAY)


def _same_turns(wish: RotationWish, weekday: int | None, before: SavedRotation) -> bool:
    same = (wish.every, wish.unit, wish.handover, wish.zone) == (
        before.every,
        before.unit,
        before.handover,
        before.zone,
    )
    return same and (weekday is None or weekday == before.anchor.weekday())


def _last_handover(now: datetime, handover: time, weekday: int | None, zone: ZoneInfo) -> date:
    """The day of the last handover that is not in the future."""
    day = now.astimezone(zone).date()
    while moment_on(day, handover, zone) > now or (weekday is not None and day.weekday() != weekday):
        day -= timedelta(days=1)
    return day


def _first_day(day: date, weekday: int | None) -> date:
    """This day, or the first such weekday after it."""
    return day if weekday is None else day + (weekday - day.weekday()) % 7 * DAY


def _saved(wish: RotationWish, anchor: date) -> SavedRotation:
    return SavedRotation(
        people=wish.people,
        every=wish.every,
        unit=wish.unit,
        handover=wish.handover,
        anchor=anchor,
        zone=wish.zone,
    )
