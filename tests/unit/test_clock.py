"""The rule by which the bots' time follows the store's clock."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import SLEW, STEP_BEYOND, slew_or_step

NOW = 1_800_000_000.0
HOUR, DAY, YEARS = 3600.0, 86_400.0, 1.8e9


@pytest.mark.parametrize(
    ("passed", "behind", "gained"),
    [
        (10.0, 0.0, 10.0),
        (10.0, 0.5, 10.5),  # met within the slew
        (10.0, -0.5, 9.5),
        (10.0, 30.0, 11.0),
        (10.0, STEP_BEYOND, 11.0),
        (10.0, STEP_BEYOND + 0.001, 10.0 + STEP_BEYOND + 0.001),
        (10.0, DAY, 10.0 + DAY),
        (10.0, YEARS, 10.0 + YEARS),  # the store began in 1970
        (0.0, DAY, DAY),  # a bot that starts
        (0.0, 30.0, 0.0),
        (0.0, -DAY, 0.0),
        (10.0, -30.0, 9.0),
        (10.0, -HOUR, 9.0),
        (10.0, -DAY, 9.0),
        (10.0, -YEARS, 9.0),
    ],
)
def test_far_behind_the_time_steps_and_otherwise_it_slews(passed: float, behind: float, gained: float) -> None:
    """`behind`: how far the time would be behind the store's clock without a correction."""
    assert slew_or_step(NOW, passed, NOW + passed + behind) - NOW == pytest.approx(gained, abs=1e-5)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(-1e9, 1e9)), max_size=20))
def test_the_time_never_goes_back_and_ends_near_the_clock_or_ahead(moments: list[tuple[float, float]]) -> None:
    times = [NOW]
    for passed, jump in moments:
        clock = NOW + jump
        times.append(slew_or_step(times[-1], passed, clock))
        assert clock - times[-1] <= STEP_BEYOND
        assert times[-1] - times[-2] >= passed * (1 - SLEW) - 1e-5
    assert all(before <= after for before, after in pairwise(times))
