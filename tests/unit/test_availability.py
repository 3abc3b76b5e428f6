from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.availability import Availability, availability, by_day
from bot.domain.history import Stretch
from tests.builders import at

BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.integers(0, 1000).map(at)
STRETCHES = st.lists(
    st.tuples(st.booleans(), MOMENTS, st.integers(0, 300)).map(
        lambda parts: Stretch(live=parts[0], since=parts[1], until=parts[1] + timedelta(seconds=parts[2]))
    )
)


def live(since: float, until: float) -> Stretch:
    return Stretch(live=True, since=at(since), until=at(until))


def down(since: float, until: float) -> Stretch:
    return Stretch(live=False, since=at(since), until=at(until))


@pytest.mark.parametrize(
    ("stretches", "parts", "share"),
    [
        ([], (0, 0, 100), None),
        ([live(0, 100)], (100, 0, 0), 1.0),
        ([down(0, 100)], (0, 100, 0), 0.0),
        ([live(-50, 25), down(25, 50), live(50, 500)], (75, 25, 0), 0.75),  # clipped to the window
        ([live(0, 40), live(60, 100)], (80, 0, 20), 1.0),  # a gap of the readings
        ([live(50, 100)], (50, 0, 50), 1.0),  # before the first watch
        ([live(-90, -50), down(150, 160)], (0, 0, 100), None),
        ([live(0, 60), down(30, 100)], (60, 40, 0), 0.6),  # after a rollback, two may overlap
    ],
)
def test_the_parts_of_a_window(
    stretches: list[Stretch], parts: tuple[float, float, float], share: float | None
) -> None:
    found = availability(stretches, at(0), at(100))
    assert tuple(part.total_seconds() for part in (found.live, found.not_live, found.unknown)) == parts
    assert found.share == share


@given(STRETCHES, MOMENTS, st.integers(0, 1000))
def test_live_not_live_and_unknown_are_the_window(stretches: list[Stretch], since: datetime, seconds: int) -> None:
    window = timedelta(seconds=seconds)
    found = availability(stretches, since, since + window)
    assert found.live + found.not_live + found.unknown == window
    assert min(found.live, found.not_live, found.unknown) >= timedelta()
    assert found.share is None or 0 <= found.share <= 1


def test_days_end_at_midnight_in_the_reader_s_zone_and_the_last_one_ends_now() -> None:
    days = by_day([live(-86_400, 0)], at(0), BERLIN, 3)  # at(0) is noon UTC, 13:00 in Berlin
    assert [day.since.astimezone(BERLIN).hour for day in days] == [0, 0, 0]
    assert [day.availability for day in days] == [
        Availability(unknown=timedelta(days=1)),
        Availability(live=timedelta(hours=11), unknown=timedelta(hours=13)),
        Availability(live=timedelta(hours=13)),
    ]


def test_the_day_of_the_autumn_change_has_25_hours() -> None:
    now = at(0).replace(year=2026, month=10, day=26, hour=12)
    first, _ = by_day([], now, BERLIN, 2)
    assert first.availability.unknown == timedelta(hours=25)
