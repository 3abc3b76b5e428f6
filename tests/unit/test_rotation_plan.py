"""From what a person types to a rotation: whose turn it is now, and that an edit moves nobody's shift."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.on_call_setup import SavedRotation
from bot.domain.rotation import TurnUnit
from bot.domain.rotation_plan import RotationWish, planned_rotation
from bot.domain.watch import UserId
from tests.builders import a_person

ANN, BOB, CAROL = a_person("U0ANN"), a_person("U0BOB"), a_person("U0CAROL")
ZONES = ["Europe/Berlin", "America/New_York", "Europe/London", "Australia/Sydney", "Australia/Lord_Howe"]
WEDNESDAY = datetime(2026, 12, 2, 12, 0, tzinfo=UTC)


def a_wish(*people: object, **changes: object) -> RotationWish:
    values = {"people": people or (ANN, BOB), "handover": time(9), "zone": "Europe/Berlin", **changes}
    return RotationWish(**values)  # type: ignore[arg-type]


def on_call(rotation: SavedRotation, at: datetime) -> UserId:
    shift = rotation.rotation.shift_at(at)
    assert shift
    return shift.people[0]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("unit", list(TurnUnit))
def test_the_first_person_is_on_call_at_once(zone: str, unit: TurnUnit) -> None:
    rotation = planned_rotation(a_wish(zone=zone, unit=unit), None, WEDNESDAY)
    assert on_call(rotation, WEDNESDAY) == ANN.id
    assert rotation.anchor.weekday() == (0 if unit is TurnUnit.WEEKS else rotation.anchor.weekday())


def test_before_the_handover_of_the_weekday_the_last_weeks_turn_counts() -> None:
    early = datetime(2026, 11, 30, 7, 59, tzinfo=UTC)  # 08:59 on Monday in Berlin
    assert planned_rotation(a_wish(), None, early).anchor == date(2026, 11, 23)
    assert planned_rotation(a_wish(), None, early + timedelta(minutes=1)).anchor == date(2026, 11, 30)


def test_a_named_day_begins_the_first_turn() -> None:
    rotation = planned_rotation(a_wish(first_day=date(2026, 12, 7)), None, WEDNESDAY)
    assert rotation.rotation.shift_at(WEDNESDAY) is None
    assert on_call(rotation, WEDNESDAY + timedelta(days=6)) == ANN.id


@pytest.mark.parametrize("people", [(CAROL, ANN, BOB), (BOB, CAROL), (BOB, ANN), (BOB,)])
@pytest.mark.parametrize("weeks", [0, 1, 5])
def test_an_edit_of_the_people_keeps_the_current_turn(people: tuple[object, ...], weeks: int) -> None:
    before = planned_rotation(a_wish(), None, WEDNESDAY)
    now = WEDNESDAY + timedelta(weeks=weeks)
    after = planned_rotation(a_wish(*people), before, now)
    old, new = before.rotation.shift_at(now), after.rotation.shift_at(now)
    assert old
    assert new
    if old.people[0] in {person.id for person in after.people}:
        assert (new.people, new.start, new.end) == (old.people, old.start, old.end)
    else:
        assert new.people[0] == after.people[0].id


@pytest.mark.parametrize(
    ("wish", "first_day"),
    [
        (a_wish(BOB, CAROL), date(2027, 1, 4)),
        (a_wish(handover=time(17), every=2), date(2027, 1, 4)),
        (a_wish(weekday=2), date(2027, 1, 6)),
        (a_wish(unit=TurnUnit.DAYS), date(2027, 1, 4)),
        (a_wish(first_day=date(2026, 12, 7)), date(2026, 12, 7)),
    ],
)
def test_an_edit_before_the_first_turn_keeps_the_first_day(wish: RotationWish, first_day: date) -> None:
    """The form names no first day, and nobody asked for an earlier one."""
    before = planned_rotation(a_wish(first_day=date(2027, 1, 4)), None, WEDNESDAY)
    assert planned_rotation(wish, before, WEDNESDAY).anchor == first_day


def test_an_edit_of_a_fortnight_keeps_its_phase() -> None:
    before = planned_rotation(a_wish(every=2), None, WEDNESDAY)
    second_week = WEDNESDAY + timedelta(weeks=1)
    after = planned_rotation(a_wish(ANN, CAROL, every=2), before, second_week)
    assert after.rotation.shift_at(second_week) == before.rotation.shift_at(second_week)


@pytest.mark.parametrize("zone", ZONES)
def test_the_handover_stays_at_its_clock_time_over_a_year(zone: str) -> None:
    rotation = planned_rotation(a_wish(zone=zone), None, WEDNESDAY)
    for week in range(60):
        shift = rotation.rotation.shift_at(WEDNESDAY + timedelta(weeks=week))
        assert shift
        assert (shift.end.astimezone(ZoneInfo(zone)).time(), shift.end.astimezone(ZoneInfo(zone)).weekday()) == (
            time(9),
            0,
        )
