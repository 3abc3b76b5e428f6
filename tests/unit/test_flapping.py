"""Flapping: when a pipeline enters and leaves the band."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.flapping import FlapWindow

BEGIN = datetime(2026, 3, 2, 3, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
WINDOW = FlapWindow()


def every(seconds: float, count: int) -> list[datetime]:
    return [BEGIN + index * seconds * SECOND for index in range(count)]


def changes_until_flapping(changes: Sequence[datetime]) -> int | None:
    """How many changes come before the pipeline counts as flapping, the last one included."""
    counts = range(1, len(changes) + 1)
    return next((n for n in counts if WINDOW.is_flapping(changes[:n], changes[n - 1], before=False)), None)


def test_no_change_is_no_share() -> None:
    assert WINDOW.share([], BEGIN) == 0


def test_a_change_at_each_result_is_the_whole_share() -> None:
    changes = every(5, 20)
    assert WINDOW.share(changes, changes[-1]) == pytest.approx(1)


def test_newer_changes_weigh_more() -> None:
    assert WINDOW.share([BEGIN], BEGIN) == pytest.approx(1.2 / 20)
    assert WINDOW.share([BEGIN], BEGIN + 19 * WINDOW.quiet) == pytest.approx(0.8 / 20)
    assert WINDOW.share([BEGIN], BEGIN + 20 * WINDOW.quiet) == 0


def test_only_as_many_changes_as_the_window_is_long_count() -> None:
    changes = every(31, 50)
    assert WINDOW.share(changes, changes[-1]) == WINDOW.share(changes[-20:], changes[-1])


@pytest.mark.parametrize(
    ("seconds", "count"),
    [
        (1, 6),  # three failures and their recoveries
        (5, 6),  # at each reading
        (20, 6),
        (60, 6),  # a failure every two minutes
        (90, None),
        (300, None),  # a failure every ten minutes
    ],
)
def test_a_pipeline_flaps_after_so_many_changes(seconds: float, count: int | None) -> None:
    assert changes_until_flapping(every(seconds, 180)) == count


def test_between_the_two_limits_a_pipeline_stays_as_it_was() -> None:
    changes = every(5, 4)
    share = WINDOW.share(changes, changes[-1])
    assert WINDOW.leave_below <= share <= WINDOW.enter_above
    assert WINDOW.is_flapping(changes, changes[-1], before=True)
    assert not WINDOW.is_flapping(changes, changes[-1], before=False)


def test_calm_comes_when_few_changed_results_are_left() -> None:
    changes = every(20, 181)
    assert WINDOW.calm_at(changes, changes[-1]) - changes[-1] == 8 * MINUTE
    assert WINDOW.calm_at([], BEGIN) == BEGIN


@given(
    gaps=st.lists(st.integers(0, 300), max_size=40),
    wait=st.integers(0, 1200),
)
def test_the_announced_moment_of_calm_is_the_first(gaps: list[int], wait: int) -> None:
    moments = [BEGIN + sum(gaps[:count]) * SECOND for count in range(1, len(gaps) + 1)]
    at = (moments[-1] if moments else BEGIN) + wait * SECOND
    calm = WINDOW.calm_at(moments, at)
    assert at <= calm <= at + WINDOW.results * WINDOW.quiet
    assert not WINDOW.is_flapping(moments, calm, before=True)
    assert calm == at or WINDOW.is_flapping(moments, calm - SECOND, before=True)
    assert 0 <= WINDOW.share(moments, at) <= 1 + 1e-9
