"""Credits: pace, the date when they run out, and when that is worth a warning."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.credits import FURTHEST_DAYS, CreditsOutlook, Usage, credits_per_day, is_low, outlook
from tests.fakes import NOON

TODAY = NOON.date()


def used(*amounts: float) -> dict[date, float]:
    """The last amount is of today, which is not over."""
    return {TODAY - timedelta(days=back): amount for back, amount in enumerate(reversed(amounts))}


@pytest.mark.parametrize(
    ("by_day", "expected"),
    [
        ({}, None),
        (used(5), None),
        (used(100, 5), None),
        (used(100, 200, 5), 150.0),
        (used(9000, 100, 100, 100, 100, 100, 100, 100, 5), 100.0),
        ({TODAY - timedelta(days=4): 400.0}, 100.0),
        ({TODAY - timedelta(days=60): 400.0}, 0.0),
        ({TODAY + timedelta(days=1): 400.0}, None),
    ],
)
def test_the_pace_is_of_the_last_week_of_whole_days(by_day: dict[date, float], expected: float | None) -> None:
    assert credits_per_day(Usage(at=NOON, by_day=by_day)) == expected


@pytest.mark.parametrize(
    ("consumed", "maximum", "by_day", "days_left"),
    [
        (500, 1000, used(100, 100, 1), 5.0),
        (500, 1000, used(0, 0, 0), float("inf")),
        (500, 1000, {}, None),
        (500, None, used(100, 100, 1), None),
        (500, 0, used(100, 100, 1), None),
        (None, 1000, used(100, 100, 1), None),
        (1000, 1000, {}, 0.0),
        (1200, 1000, used(100, 100, 1), 0.0),
    ],
)
def test_the_days_left(
    consumed: float | None, maximum: float | None, by_day: dict[date, float], days_left: float | None
) -> None:
    found = outlook(Usage(at=NOON, consumed=consumed, maximum=maximum, by_day=by_day))
    assert found.days_left == days_left
    assert found.runs_out == (None if days_left in {None, float("inf")} else NOON + timedelta(days=days_left or 0.0))


amounts = st.floats(0, 1e17)


@given(consumed=amounts, maximum=amounts, by_day=st.lists(amounts, max_size=12))
def test_any_numbers_give_an_outlook(consumed: float, maximum: float, by_day: list[float]) -> None:
    found = outlook(Usage(at=NOON, consumed=consumed, maximum=maximum, by_day=used(*by_day)))
    if found.runs_out is not None:
        assert NOON <= found.runs_out <= NOON + timedelta(days=FURTHEST_DAYS)
    assert found.days_left is None or found.days_left >= 0


def low_after(*days_left: float | None) -> list[bool]:
    low, states = False, []
    for days in days_left:
        low = is_low(CreditsOutlook(per_day=1.0, days_left=days, runs_out=None), was_low=low)
        states.append(low)
    return states


def test_a_pace_that_hovers_around_seven_days_warns_once() -> None:
    assert low_after(7.1, 7.0, 7.2, 6.9, 8.9, 6.5) == [False, True, True, True, True, True]
    assert low_after(6, 9, 7) == [True, False, True]
    assert low_after(6, None, 30, None, 3) == [True, True, False, False, True]


@given(st.lists(st.floats(5, 8.9), min_size=1))
def test_below_nine_days_it_becomes_low_at_most_once(days_left: list[float]) -> None:
    states = [False, *low_after(*days_left)]
    assert sum(now and not before for before, now in pairwise(states)) <= 1
