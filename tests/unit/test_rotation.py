"""Turns of a rotation: by calendar date, in the schedule's zone, also where the clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.rotation import Rotation, TurnUnit
from bot.domain.watch import UserId

ANN, BOB, CARL = UserId("U0ANN"), UserId("U0BOB"), UserId("U0CARL")
ZONES = ("UTC", "America/New_York", "Europe/London", "Australia/Sydney", "Australia/Lord_Howe", "Africa/Cairo")
HOUR = timedelta(hours=1)


def weekly(zone: str, *people: UserId, handover: time = time(9)) -> Rotation:
    """Hands over on Mondays."""
    return Rotation(
        people=people or (ANN, BOB, CARL),
        every=1,
        unit=TurnUnit.WEEKS,
        handover=handover,
        anchor=date(2026, 3, 2),
        zone=ZoneInfo(zone),
    )


def daily(zone: str, handover: time) -> Rotation:
    return Rotation(
        people=(ANN, BOB),
        every=1,
        unit=TurnUnit.DAYS,
        handover=handover,
        anchor=date(2026, 1, 1),
        zone=ZoneInfo(zone),
    )


def person(rotation: Rotation, at: datetime) -> UserId | None:
    shift = rotation.shift_at(at)
    return shift.people[0] if shift else None


def test_people_take_turns_in_order() -> None:
    rotation = weekly("Europe/Berlin")
    mondays = [datetime(2026, 3, 2, 12, tzinfo=UTC) + week * timedelta(days=7) for week in range(4)]
    assert [person(rotation, monday) for monday in mondays] == [ANN, BOB, CARL, ANN]


def test_a_turn_starts_at_the_handover_and_not_before() -> None:
    rotation = weekly("Europe/Berlin")
    handover = datetime(2026, 3, 9, 8, tzinfo=UTC)  # 09:00 in winter
    assert person(rotation, handover - timedelta(microseconds=1)) == ANN
    assert person(rotation, handover) == BOB


def test_before_the_first_turn_nobody_is_on_call() -> None:
    rotation = weekly("UTC")
    first = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert rotation.shift_at(first - HOUR) is None
    assert rotation.next_change(first - HOUR) == first


def test_a_rotation_without_people_has_no_turns() -> None:
    rotation = Rotation(
        people=(), every=1, unit=TurnUnit.DAYS, handover=time(9), anchor=date(2026, 1, 1), zone=ZoneInfo("UTC")
    )
    assert rotation.shift_at(datetime(2026, 6, 1, tzinfo=UTC)) is None
    assert rotation.next_change(datetime(2026, 6, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("zone", "during", "hours"),
    [
        ("America/New_York", datetime(2026, 3, 8, 0, tzinfo=UTC), 167),
        ("America/New_York", datetime(2026, 11, 1, 0, tzinfo=UTC), 169),
        ("Europe/London", datetime(2026, 3, 29, 0, tzinfo=UTC), 167),
        ("Europe/London", datetime(2026, 10, 25, 0, tzinfo=UTC), 169),
        ("Australia/Sydney", datetime(2026, 4, 4, 0, tzinfo=UTC), 169),
        ("Australia/Sydney", datetime(2026, 10, 3, 0, tzinfo=UTC), 167),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 0, tzinfo=UTC), 168.5),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, 0, tzinfo=UTC), 167.5),
        ("UTC", datetime(2026, 10, 3, 0, tzinfo=UTC), 168),
    ],
)
def test_a_week_with_a_clock_change_hands_over_at_the_same_wall_clock_time(
    zone: str, during: datetime, hours: float
) -> None:
    shift = weekly(zone).shift_at(during)
    assert shift is not None
    assert shift.end - shift.start == timedelta(hours=hours)
    for moment in (shift.start, shift.end):
        local = moment.astimezone(ZoneInfo(zone))
        assert (local.weekday(), local.time()) == (0, time(9))


@pytest.mark.parametrize(
    ("zone", "handover", "day", "expected"),
    [
        ("America/New_York", time(2, 30), date(2026, 3, 8), time(3, 30)),  # 02:00 becomes 03:00
        ("Australia/Lord_Howe", time(2, 15), date(2026, 10, 4), time(2, 45)),  # 02:00 becomes 02:30
        ("Africa/Cairo", time(0, 0), date(2026, 4, 24), time(1, 0)),  # 00:00 becomes 01:00
    ],
)
def test_a_skipped_handover_is_later_by_the_skipped_time(zone: str, handover: time, day: date, expected: time) -> None:
    rotation = daily(zone, handover)
    noon = datetime.combine(day, time(12), ZoneInfo(zone))
    shift = rotation.shift_at(noon)
    assert shift is not None
    assert shift.start.astimezone(ZoneInfo(zone)).time() == expected


def test_a_handover_at_a_repeated_time_happens_once_at_the_first() -> None:
    rotation = daily("America/New_York", time(1, 30))
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 01:30 in summer time; an hour later it is 01:30 again
    before, after, again = (person(rotation, first + hours * HOUR) for hours in (-0.1, 0.1, 1.1))
    assert before != after
    assert after == again


@given(
    zone=st.sampled_from(ZONES),
    handover=st.times().map(lambda moment: moment.replace(second=0, microsecond=0)),
    every=st.integers(1, 5),
    unit=st.sampled_from(TurnUnit),
    at=st.datetimes(min_value=datetime(2026, 1, 10), max_value=datetime(2029, 1, 1)).map(  # noqa: DTZ001 (made aware)
        lambda moment: moment.replace(tzinfo=UTC)
    ),
)
def test_turns_follow_each_other_without_gap_or_overlap(
    zone: str, handover: time, every: int, unit: TurnUnit, at: datetime
) -> None:
    rotation = Rotation(
        people=(ANN, BOB, CARL),
        every=every,
        unit=unit,
        handover=handover,
        anchor=date(2026, 1, 1),
        zone=ZoneInfo(zone),
    )
    shift = rotation.shift_at(at)
    assert shift is not None
    assert shift.start <= at < shift.end
    assert rotation.next_change(at) == shift.end
    following = rotation.shift_at(shift.end)
    assert following is not None
    assert following.start == shift.end
    order = (ANN, BOB, CARL, ANN)
    assert following.people == (order[order.index(shift.people[0]) + 1],)
    days = (
        shift.end.astimezone(rotation.zone).replace(tzinfo=None)
        - shift.start.astimezone(rotation.zone).replace(tzinfo=None)
    ) / timedelta(days=1)
    assert abs(days - every * unit) <= 1 / 24  # the hour that the clocks skip may delay one of the two handovers
