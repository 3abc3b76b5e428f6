"""Durations and moments as people type them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.wall_clock import zone_named
from bot.slack.grammar.time_words import day_of_week, read_duration, read_moment

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 30, 10, 30, tzinfo=UTC)  # 11:30 in Berlin


@pytest.mark.parametrize(
    ("typed", "minutes", "words"),
    [
        ("2h", 120, 1),
        ("1h30m because", 90, 1),
        ("30 min", 30, 2),
        ("2 hours 15 minutes later", 135, 4),
        ("a week", 7 * 24 * 60, 2),
        ("an hour", 60, 2),
        ("3d", 3 * 24 * 60, 1),
        ("90 s", 1.5, 2),
    ],
)
def test_a_duration_is_read(typed: str, minutes: float, words: int) -> None:
    found = read_duration(typed.split())
    assert found is not None
    assert (found.value, found.words) == (timedelta(minutes=minutes), words)


@pytest.mark.parametrize(
    "typed", ["", "h", "2", "2 orders", "live 30m", "2hh", "09:00", "9999999h", "999999w", "999999w" * 150, "-2h", "²h"]
)
def test_other_words_are_no_duration(typed: str) -> None:
    assert read_duration(typed.split()) is None


@pytest.mark.parametrize(
    ("typed", "moment", "words"),
    [
        ("09:00", "2026-12-01T08:00", 1),  # today's has passed
        ("18:00 because", "2026-11-30T17:00", 1),
        ("9", "2026-12-01T08:00", 1),
        ("9am", "2026-12-01T08:00", 1),
        ("12am", "2026-11-30T23:00", 1),
        ("12:30pm", "2026-11-30T11:30", 1),
        ("noon", "2026-11-30T11:00", 1),
        ("midnight", "2026-11-30T23:00", 1),
        ("fri 09:00", "2026-12-04T08:00", 2),
        ("friday at 9am x", "2026-12-04T08:00", 3),
        ("09:00 friday", "2026-12-04T08:00", 2),
        ("fri", "2026-12-04T08:00", 1),
        ("friday because", "2026-12-04T08:00", 1),
        ("mon 09:00", "2026-12-07T08:00", 2),  # today's has passed
        ("mon 12:00", "2026-11-30T11:00", 2),
        ("tomorrow", "2026-12-01T08:00", 1),
        ("tomorrow 18:00", "2026-12-01T17:00", 2),
        ("tonight 22:00", "2026-11-30T21:00", 2),
        ("2026-12-24", "2026-12-24T08:00", 1),
        ("2026-12-24 18:00", "2026-12-24T17:00", 2),
        ("2026-12-24t18:00", "2026-12-24T17:00", 1),
        ("2026-12-24t18:00z", "2026-12-24T18:00", 1),
        ("2026-12-24t18:00+02:00", "2026-12-24T16:00", 1),
    ],
)
def test_a_moment_is_read_in_the_zone_of_the_person(typed: str, moment: str, words: int) -> None:
    found = read_moment(typed.split())
    assert found is not None
    assert found.value.resolve(MONDAY, BERLIN) == datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert found.words == words


@pytest.mark.parametrize(
    "typed",
    [
        *("", "25:00", "9:75", "13pm", "live", "orders-eu", "2026-13-01", "t", "s", "2026-12-24t"),
        *("0001-01-01", "9999-12-31", "9999-12-31t23:00-12:00", "0001-01-01t00:00+12:00"),
    ],
)
def test_other_words_are_no_moment(typed: str) -> None:
    assert read_moment(typed.split()) is None


def test_weekdays_have_short_names() -> None:
    assert [day_of_week(name) for name in ("mon", "tues", "weds", "sundays", "t", "month", "")] == [
        0,
        1,
        None,
        6,
        None,
        None,
        None,
    ]


def test_a_zone_is_found_in_any_case() -> None:
    assert zone_named("europe/berlin") == BERLIN
    assert [zone_named(name) for name in ("Europe", "Mars/Olympus", "../etc/passwd", "", "/etc/localtime")] == [
        None
    ] * 5
