"""Which heights of a measurement count."""

from dataclasses import replace

import pytest

from bot.domain.measurement import MOST_BLOCKS_A_SECOND, Measurement, plausible
from tests.builders import at

FIVE_MINUTES = 300


def measured(seconds: float, height: int | None) -> Measurement:
    return Measurement(at=at(seconds), last_block_height=height, records_consumed=7)


@pytest.mark.parametrize(
    ("before", "height", "counts"),
    [
        ([], 10**9, True),
        ([measured(0, 40_000_000)], 40_000_150, True),
        ([measured(0, 40_000_000)], 40_000_000 + FIVE_MINUTES * MOST_BLOCKS_A_SECOND, True),
        ([measured(0, 40_000_000)], 1_040_000_000, False),
        ([measured(-300, 40_000_000), measured(0, None)], 1_040_000_000, False),
        ([measured(0, None)], 1_040_000_000, True),
        ([measured(0, 40_000_000)], 0, True),
        ([measured(0, 1_040_000_000)], 40_000_000, True),
        ([measured(-20_000, 40_000_000)], 1_040_000_000, True),
        ([measured(FIVE_MINUTES + 60, 40_000_000)], 40_000_150, True),
    ],
)
def test_a_height_counts_unless_no_worker_reads_so_fast(before: list[Measurement], height: int, counts: bool) -> None:
    now = measured(FIVE_MINUTES, height)
    assert plausible(now, before) == (now if counts else replace(now, last_block_height=None))


def test_a_measurement_without_a_height_stays_as_it_is() -> None:
    now = measured(FIVE_MINUTES, None)
    assert plausible(now, [measured(0, 5)]) is now
