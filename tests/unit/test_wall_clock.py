"""Moments named by a wall clock, also where the clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.wall_clock import WeeklyWindow, moment_on, next_moment

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE, SYDNEY, CAIRO = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Australia/Sydney"), ZoneInfo("Africa/Cairo")
ZONES = (BERLIN, NEW_YORK, LORD_HOWE, SYDNEY, CAIRO, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu"))
WORKDAYS = range(5)
MINUTE = timedelta(minutes=1)


def local(zone: ZoneInfo, *when: int) -> datetime:
    year, month, day, hour, minute = when
    return datetime(year, month, day, hour, minute, tzinfo=zone)


@pytest.mark.parametrize(
    ("zone", "day", "clock_time", "expected"),
    [
        (NEW_YORK, date(2026, 3, 8), time(2, 30), "2026-03-08T03:30-04:00"),  # skipped: 02:00 becomes 03:00
        (NEW_YORK, date(2026, 11, 1), time(1, 30), "2026-11-01T01:30-04:00"),  # comes twice: the first one
        (LORD_HOWE, date(2026, 10, 4), time(2, 15), "2026-10-04T02:45+11:00"),  # 02:00 becomes 02:30
        (SYDNEY, date(2026, 4, 5), time(2, 30), "2026-04-05T02:30+11:00"),  # comes twice
        (CAIRO, date(2026, 4, 24), time(0, 0), "2026-04-24T01:00+03:00"),  # 00:00 becomes 01:00
        (BERLIN, date(2026, 7, 1), time(9), "2026-07-01T09:00+02:00"),
    ],
)
def test_a_clock_time_on_a_day(zone: ZoneInfo, day: date, clock_time: time, expected: str) -> None:
    moment = moment_on(day, clock_time, zone)
    assert moment.tzinfo is UTC
    assert moment.astimezone(zone).isoformat(timespec="minutes") == expected


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        (BERLIN, local(BERLIN, 2026, 3, 2, 8, 59), local(BERLIN, 2026, 3, 2, 9, 0)),
        (BERLIN, local(BERLIN, 2026, 3, 2, 9, 0), local(BERLIN, 2026, 3, 3, 9, 0)),
        (NEW_YORK, local(NEW_YORK, 2026, 3, 7, 22, 0), local(NEW_YORK, 2026, 3, 8, 9, 0)),
        (NEW_YORK, local(NEW_YORK, 2026, 10, 31, 22, 0), local(NEW_YORK, 2026, 11, 1, 9, 0)),
    ],
)
def test_until_nine_means_the_next_moment_of_that_time(zone: ZoneInfo, at: datetime, expected: datetime) -> None:
    assert next_moment(at, time(9), zone) == expected


NIGHTS = WeeklyWindow(days=WORKDAYS, start=time(22), end=time(7), zone=BERLIN)


@pytest.mark.parametrize(
    ("window", "at", "end"),
    [
        (NIGHTS, local(BERLIN, 2026, 3, 2, 21, 59), None),  # a Monday
        (NIGHTS, local(BERLIN, 2026, 3, 2, 22, 0), local(BERLIN, 2026, 3, 3, 7, 0)),
        (NIGHTS, local(BERLIN, 2026, 3, 3, 6, 59), local(BERLIN, 2026, 3, 3, 7, 0)),
        (NIGHTS, local(BERLIN, 2026, 3, 3, 7, 0), None),
        (NIGHTS, local(BERLIN, 2026, 3, 7, 6, 0), local(BERLIN, 2026, 3, 7, 7, 0)),  # the night of Friday
        (NIGHTS, local(BERLIN, 2026, 3, 7, 23, 0), None),  # a Saturday
        (
            WeeklyWindow(days=WORKDAYS, start=time(0), end=time(0), zone=BERLIN),
            local(BERLIN, 2026, 3, 2, 0, 0),
            local(BERLIN, 2026, 3, 7, 0, 0),
        ),
        (
            WeeklyWindow(days=(6,), start=time(1), end=time(4), zone=NEW_YORK),
            local(NEW_YORK, 2026, 3, 8, 3, 30),  # two hours long, since the clocks skip one
            local(NEW_YORK, 2026, 3, 8, 4, 0),
        ),
        (WeeklyWindow(days=(), start=time(1), end=time(4), zone=BERLIN), local(BERLIN, 2026, 3, 2, 2, 0), None),
    ],
)
def test_a_weekly_window_ends(window: WeeklyWindow, at: datetime, end: datetime | None) -> None:
    assert window.end_of(at) == end


def test_a_window_that_is_always_open_has_an_end_all_the_same() -> None:
    always = WeeklyWindow(days=range(7), start=time(0), end=time(0), zone=BERLIN)
    end = always.end_of(local(BERLIN, 2026, 3, 2, 12, 0))
    assert end is not None
    assert end > local(BERLIN, 2026, 3, 9, 12, 0)


@given(
    zone=st.sampled_from(ZONES),
    minutes=st.integers(0, 3 * 366 * 24 * 60),
    start=st.times().map(lambda moment: moment.replace(second=0, microsecond=0)),
    end=st.times().map(lambda moment: moment.replace(second=0, microsecond=0)),
    days=st.sets(st.integers(0, 6)),
)
def test_a_window_is_open_until_its_announced_end(
    zone: ZoneInfo, minutes: int, start: time, end: time, days: set[int]
) -> None:
    window = WeeklyWindow(days=days, start=start, end=end, zone=zone)
    at = datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE
    announced = window.end_of(at)
    if announced is not None:
        assert at < announced
        assert window.end_of(announced - MINUTE) is not None
        assert len(days) == 7 or window.end_of(announced) is None
    begin = window.next_start(at)
    assert (begin is None) == (not days)
    assert begin is None or window.end_of(begin) is not None
    upcoming = next_moment(at, start, zone)
    assert at < upcoming <= at + timedelta(hours=49)
