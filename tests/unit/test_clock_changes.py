"""Rotations, quiet hours and snoozes where the clocks change: both ways, in New York, London, Sydney and Lord Howe.

`tests/contract/test_calendar_expansion.py` has the same table for calendars.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bot.domain.on_call_setup import SavedRotation, SavedSchedule, on_call_in
from bot.domain.rotation import TurnUnit
from bot.domain.setup import Setup
from bot.domain.silence import EVERY_DAY, Maintenance, QuietHours, WeeklyHours
from bot.domain.wall_clock import NamedMoment, moment_on, next_moment
from bot.domain.watch import ChannelId, Target, TargetKind, UserId

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
ANN, BOB = UserId("U0ANN"), UserId("U0BOB")


@dataclass(frozen=True)
class ClockChange:
    """A day on which the clocks of a zone go forward or back."""

    zone: str
    day: date
    moment: datetime
    """The first moment after the change."""
    shift: timedelta
    """Negative: the day is longer."""

    @property
    def info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        return moment_on(day, time(hour, minute), self.info)


CHANGES = [
    ClockChange("America/New_York", date(2026, 3, 8), datetime(2026, 3, 8, 7, tzinfo=UTC), HOUR),
    ClockChange("America/New_York", date(2026, 11, 1), datetime(2026, 11, 1, 6, tzinfo=UTC), -HOUR),
    ClockChange("Europe/London", date(2026, 3, 29), datetime(2026, 3, 29, 1, tzinfo=UTC), HOUR),
    ClockChange("Europe/London", date(2026, 10, 25), datetime(2026, 10, 25, 1, tzinfo=UTC), -HOUR),
    ClockChange("Australia/Sydney", date(2026, 10, 4), datetime(2026, 10, 3, 16, tzinfo=UTC), HOUR),
    ClockChange("Australia/Sydney", date(2026, 4, 5), datetime(2026, 4, 4, 16, tzinfo=UTC), -HOUR),
    ClockChange("Australia/Lord_Howe", date(2026, 10, 4), datetime(2026, 10, 3, 15, 30, tzinfo=UTC), HOUR / 2),
    ClockChange("Australia/Lord_Howe", date(2026, 4, 5), datetime(2026, 4, 4, 15, tzinfo=UTC), -HOUR / 2),
]
each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.zone} {change.day}")


@each_change
def test_the_table_is_right(change: ClockChange) -> None:
    before, after = ((change.moment + offset).astimezone(change.info).utcoffset() for offset in (-MINUTE, MINUTE))
    assert before is not None
    assert after is not None
    assert after - before == change.shift


def schedule(change: ClockChange, handover: time) -> SavedSchedule:
    """Turns of a day."""
    rotation = SavedRotation(
        people=tuple(Target(kind=TargetKind.USER, id=user) for user in (ANN, BOB)),
        every=1,
        unit=TurnUnit.DAYS,
        handover=handover,
        anchor=change.day - 10 * DAY,
        zone=change.zone,
    )
    return SavedSchedule(name="data", rotation=rotation, made_by=ANN, made_at=change.moment - 30 * DAY)


@each_change
@pytest.mark.parametrize("hour", [0, 9])
def test_a_turn_with_a_change_is_longer_or_shorter_and_hands_over_by_the_wall_clock(
    change: ClockChange, hour: int
) -> None:
    saved = schedule(change, time(hour))
    start = change.at(change.day if hour == 0 else change.day - DAY, hour)
    setup = Setup((saved,))
    first = on_call_in(setup, "data", start)
    last = on_call_in(setup, "data", start + DAY - change.shift - MINUTE)
    following = on_call_in(setup, "data", start + DAY - change.shift)
    assert first is not None
    assert last is not None
    assert following is not None
    assert first.people == last.people != following.people
    end = start + DAY - change.shift
    assert first.until == last.until == end
    assert end.astimezone(change.info).time() == time(hour)


@each_change
def test_a_handover_within_the_change_happens_once(change: ClockChange) -> None:
    """At the wall-clock time that the clocks skip, or that comes twice."""
    shown = (change.moment - MINUTE).astimezone(change.info) if change.shift < timedelta(0) else None
    local = shown.time() if shown else (change.moment.astimezone(change.info) - change.shift + MINUTE).time()
    setup = Setup((schedule(change, local.replace(second=0, microsecond=0)),))
    people = []
    moment = change.moment - 3 * HOUR
    while moment < change.moment + 3 * HOUR:
        answer = on_call_in(setup, "data", moment)
        assert answer is not None
        people.append(answer.people)
        moment += MINUTE
    assert sum(one != other for one, other in pairwise(people)) == 1


@each_change
def test_quiet_hours_over_the_change_end_by_the_wall_clock(change: ClockChange) -> None:
    hours = WeeklyHours(days=EVERY_DAY, start=time(22), end=time(7), zone=change.zone)
    quiet = QuietHours(made_in=ChannelId("C0ALERTS"), hours=hours, made_by=ANN, made_at=change.moment)
    start, end = change.at(change.day - DAY, 22), change.at(change.day, 7)
    assert end - start == 9 * HOUR - change.shift
    for moment in (start, change.moment - MINUTE, change.moment, change.moment + 2 * HOUR, end - MINUTE):
        assert quiet.end_at(moment) == end
    assert quiet.end_at(start - MINUTE) is None
    assert quiet.end_at(end) is None
    assert quiet.next_start(end) == change.at(change.day, 22)


@each_change
def test_quiet_hours_that_end_within_the_change_end_once(change: ClockChange) -> None:
    local = (change.moment.astimezone(change.info) - timedelta(minutes=15)).time()
    hours = WeeklyHours(days=EVERY_DAY, start=time(22), end=local, zone=change.zone)
    start = change.at(change.day - DAY, 22)
    open_minutes = [
        hours.window.end_of(start + minutes * MINUTE) is not None for minutes in range(round(12 * HOUR / MINUTE))
    ]
    assert sum(one != other for one, other in pairwise(open_minutes)) == 1


# Minutes after the first skipped or repeated minute. All of these windows meet the change.
@pytest.mark.parametrize(("start", "end"), [(-90, 15), (-10, 90), (0, 20), (0, 60), (10, 20), (15, 70), (20, 65)])
@each_change
@pytest.mark.parametrize("kind", [Maintenance, QuietHours])
def test_a_silence_that_meets_the_change_never_vanishes(
    change: ClockChange, kind: type[Maintenance | QuietHours], start: int, end: int
) -> None:
    """If the clocks skip its start, it starts with the first minute after that. If they skip all of it, it follows."""
    before = (change.moment - MINUTE).astimezone(change.info).replace(tzinfo=None) + MINUTE
    first = min(before, before + change.shift)
    starts, ends = first + start * MINUTE, first + end * MINUTE
    hours = WeeklyHours(days=(starts.weekday(),), start=starts.time(), end=ends.time(), zone=change.zone)
    silence = kind(made_in=ChannelId("C0ALERTS"), hours=hours, made_by=ANN, made_at=change.moment)
    skipped = change.shift > timedelta(0) and before <= starts < before + change.shift
    opens = change.moment if skipped else moment_on(starts.date(), starts.time(), change.info)
    closes = moment_on(change.day, ends.time(), change.info)
    if skipped and ends == before + change.shift:
        closes = opens + (ends - starts)
    assert opens < closes
    moments = [change.moment + minutes * MINUTE for minutes in range(-300, 300)]
    for moment in moments:
        assert silence.end_at(moment) == (closes if opens <= moment < closes else None)
    assert {silence.next_start(moment) for moment in moments if moment < opens} == {opens}
    assert all(silence.next_start(moment) != opens for moment in moments if moment >= opens)


def test_london_keeps_the_rest_of_a_window_whose_start_is_skipped() -> None:
    """On the last Sunday of March, 01:30-02:15 has a quarter of an hour: from 02:00, the first minute there is."""
    hours = WeeklyHours(days=(6,), start=time(1, 30), end=time(2, 15), zone="Europe/London")
    silence = Maintenance(made_in=ChannelId("C0ALERTS"), hours=hours, made_by=ANN, made_at=CHANGES[0].moment)
    one = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert silence.next_start(one - HOUR) == one
    assert silence.end_at(one) == one + 15 * MINUTE


@each_change
def test_a_time_from_within_the_change_begins_before_a_time_until_shortly_after_it(change: ClockChange) -> None:
    """*From 01:30 until 02:15*: not until 02:15 of the next day, also where the clocks skip 01:30."""
    before = (change.moment - MINUTE).astimezone(change.info).replace(tzinfo=None) + MINUTE
    first, span = min(before, before + change.shift), abs(change.shift)
    start, end = (first + span / 2).time(), (first + span + 15 * MINUTE).time()
    now = change.moment - 5 * HOUR
    for begin in (
        NamedMoment(day=change.day, clock_time=start),
        NamedMoment(weekday=change.day.weekday(), clock_time=start),
        NamedMoment(clock_time=start),
    ):
        begins = begin.resolve(now, change.info, begins=True)
        ends = NamedMoment(clock_time=end).resolve(begins, change.info)
        skips = change.shift > timedelta(0)
        assert begins == (change.moment if skips else moment_on(change.day, start, change.info))
        assert ends == moment_on(change.day, end, change.info)
        within = NamedMoment(clock_time=start).resolve(change.moment - 2 * HOUR, change.info)
        assert within == moment_on(change.day, start, change.info)


@each_change
@pytest.mark.parametrize("hour", [9, 12])
def test_a_snooze_until_a_clock_time_ends_then_on_the_day_of_the_change(change: ClockChange, hour: int) -> None:
    clicked = change.at(change.day - DAY, 22)
    until = next_moment(clicked, time(hour), change.info)
    assert until == change.at(change.day, hour)
    assert until.astimezone(change.info).time() == time(hour)
    assert until - clicked == (2 + hour) * HOUR - change.shift


@each_change
def test_a_snooze_for_a_time_counts_the_hours_that_pass(change: ClockChange) -> None:
    """`for 4h` is no wall-clock time: it ends four hours later, whatever the clocks show."""
    clicked = change.moment - HOUR
    until = clicked + 4 * HOUR
    shown = until.astimezone(change.info).replace(tzinfo=None) - clicked.astimezone(change.info).replace(tzinfo=None)
    assert shown == 4 * HOUR + change.shift
