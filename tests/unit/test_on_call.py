"""Who is on call: rotations, calendars and overrides, until when, and who follows."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.on_call import Calendar, OnCall, OnCallReason, Override, Schedule, on_call
from bot.domain.rotation import Rotation, Shift, TurnUnit
from bot.domain.watch import UserId

ANN, BOB, CARL, DORA = (UserId(f"U0{name}") for name in ("ANN", "BOB", "CARL", "DORA"))
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def rotation(*people: UserId) -> Schedule:
    source = Rotation(
        people=people, every=1, unit=TurnUnit.DAYS, handover=time(9), anchor=date(2026, 3, 2), zone=ZoneInfo("UTC")
    )
    return Schedule(name="data", source=source)


def calendar(*shifts: Shift) -> Schedule:
    return Schedule(name="data", source=Calendar(shifts=shifts))


def shift(start: float, end: float, *people: UserId, priority: int = 0) -> Shift:
    """From hour to hour after the beginning."""
    return Shift(people=people, start=BEGIN + start * HOUR, end=BEGIN + end * HOUR, priority=priority)


def override(start: float, end: float, person: UserId, instead_of: UserId | None = None, *, made: int = 0) -> Override:
    """From day to day after the beginning."""
    return Override(
        person=person,
        instead_of=instead_of,
        start=BEGIN + start * DAY,
        end=BEGIN + end * DAY,
        made_by=ANN,
        made_at=BEGIN - DAY + timedelta(seconds=made),
    )


def after(schedule: Schedule, days: float, *overrides: Override) -> OnCall:
    return on_call(schedule, overrides, BEGIN + days * DAY)


def test_a_rotation_says_until_when_and_who_follows() -> None:
    answer = after(rotation(ANN, BOB), 0.5)
    assert (answer.people, answer.reason) == ((ANN,), OnCallReason.ROTATION)
    assert (answer.until, answer.following) == (BEGIN + DAY, (BOB,))


def test_one_person_alone_stays_on_call() -> None:
    answer = after(rotation(ANN), 100)
    assert (answer.people, answer.until, answer.following) == ((ANN,), None, ())


def test_a_person_with_two_turns_in_a_row_is_on_call_until_the_second_ends() -> None:
    assert after(rotation(ANN, ANN, BOB), 0.5).until == BEGIN + 2 * DAY


def test_before_the_first_turn_nobody_is_on_call_until_it_starts() -> None:
    answer = after(rotation(ANN, BOB), -3)
    assert (answer.people, answer.reason) == ((), OnCallReason.NOBODY)
    assert (answer.until, answer.following) == (BEGIN, (ANN,))


def test_an_override_replaces_everyone_for_its_time_only() -> None:
    dora = override(0.25, 0.75, DORA)
    during = after(rotation(ANN, BOB), 0.5, dora)
    assert (during.people, during.reason, during.overrides) == ((DORA,), OnCallReason.OVERRIDE, (dora,))
    assert (during.until, during.following) == (BEGIN + 0.75 * DAY, (ANN,))
    assert after(rotation(ANN, BOB), 0.75, dora).people == (ANN,)
    assert after(rotation(ANN, BOB), 0, dora).until == BEGIN + 0.25 * DAY


def test_an_override_for_a_person_leaves_the_turns_of_others_alone() -> None:
    bobs = override(0, 10, DORA, BOB)
    assert [after(rotation(ANN, BOB), days, bobs).people for days in (0.5, 1.5, 2.5)] == [(ANN,), (DORA,), (ANN,)]
    assert after(rotation(ANN, BOB), 0.5, bobs).reason is OnCallReason.ROTATION


def test_a_stand_in_can_be_replaced_too() -> None:
    first, second = override(0, 1, BOB, ANN), override(0, 1, CARL, BOB, made=1)
    for overrides in ((first, second), (second, first)):
        answer = after(rotation(ANN, BOB), 0.5, *overrides)
        assert (answer.people, answer.overrides) == ((CARL,), (first, second))


def test_of_two_overrides_for_everyone_the_later_made_wins() -> None:
    first, second = override(0, 1, BOB), override(0, 1, CARL, made=1)
    answer = after(rotation(ANN), 0.5, first, second)
    assert (answer.people, answer.overrides) == ((CARL,), (second,))


def test_an_override_over_many_turns_ends_where_other_people_are_on_call() -> None:
    vacation = override(0, 30, ANN)  # the rotation's turn after it is hers, too
    answer = after(rotation(ANN, BOB), 0.5, vacation)
    assert (answer.until, answer.following) == (BEGIN + 31 * DAY, (BOB,))


def test_between_two_events_of_a_calendar_nobody_is_on_call() -> None:
    schedule = calendar(shift(0, 8, ANN), shift(10, 18, BOB))
    answer = after(schedule, 9 / 24)
    assert (answer.people, answer.reason) == ((), OnCallReason.NOBODY)
    assert (answer.until, answer.following) == (BEGIN + 10 * HOUR, (BOB,))


def test_after_the_last_event_nobody_is_on_call_and_nothing_follows() -> None:
    answer = after(calendar(shift(0, 8, ANN)), 1)
    assert (answer.people, answer.until, answer.following) == ((), None, ())


def test_adjoining_events_of_one_person_are_one_time() -> None:
    schedule = calendar(shift(0, 8, ANN), shift(8, 16, ANN), shift(16, 24, BOB))
    assert after(schedule, 0).until == BEGIN + 16 * HOUR


def test_of_a_calendars_events_the_highest_priority_counts() -> None:
    schedule = calendar(shift(0, 24, ANN), shift(4, 8, BOB, priority=1), shift(4, 6, CARL, priority=1))
    assert after(schedule, 3 / 24).until == BEGIN + 4 * HOUR
    assert after(schedule, 5 / 24).people == (BOB, CARL)
    assert after(schedule, 7 / 24).people == (BOB,)
    assert after(schedule, 9 / 24).people == (ANN,)


def test_an_override_fills_a_gap_in_a_calendar() -> None:
    answer = after(calendar(), 0.5, override(0, 1, DORA))
    assert (answer.people, answer.reason, answer.until) == ((DORA,), OnCallReason.OVERRIDE, BEGIN + DAY)


PEOPLE = st.sampled_from((ANN, BOB, CARL, DORA))
SPANS = st.tuples(st.integers(0, 90), st.integers(1, 30)).map(lambda span: (span[0] / 4, (span[0] + span[1]) / 4))
SHIFTS = st.builds(
    lambda span, person, priority: shift(24 * span[0], 24 * span[1], person, priority=priority),
    SPANS,
    PEOPLE,
    st.integers(0, 2),
)
SCHEDULES = st.one_of(
    st.lists(PEOPLE, max_size=4).map(lambda people: rotation(*people)),
    st.lists(SHIFTS, max_size=6).map(lambda shifts: calendar(*shifts)),
)
OVERRIDES = st.lists(
    st.builds(
        lambda span, person, instead_of, made: override(span[0], span[1], person, instead_of, made=made),
        SPANS,
        PEOPLE,
        st.none() | PEOPLE,
        st.integers(0, 9),
    ),
    max_size=5,
)


@given(schedule=SCHEDULES, overrides=OVERRIDES, eighths=st.integers(-8, 400))
def test_the_same_people_are_on_call_until_the_announced_moment(
    schedule: Schedule, overrides: list[Override], eighths: int
) -> None:
    """Compares with an answer for each quarter of a day: each change of the examples is at one of them."""
    answer = after(schedule, eighths / 8, *overrides)
    quarters = [quarter / 4 for quarter in range(-8, 4 * 60) if quarter / 4 > eighths / 8]
    others = (days for days in quarters if after(schedule, days, *overrides).people != answer.people)
    first = next(others, None)
    assert answer.until == (None if first is None else BEGIN + first * DAY)
    if first is not None:
        assert answer.following == after(schedule, first, *overrides).people
