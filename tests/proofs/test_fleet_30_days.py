"""A small fleet for thirty days: nothing missed, and nothing false where pipelines have a rhythm."""

import pytest

from tests.proofs.fleet_30_days import KINDS, Figures, run

SURPRISING = {"working days", "bursty"}
"""A first weekend, and rests by chance, look like a stall."""


@pytest.fixture(scope="module")
def figures() -> Figures:
    return run(len(KINDS), 0, with_key=True)


def test_no_stall_and_no_lag_is_missed(figures: Figures) -> None:
    assert sum(figures.faults.values()) >= 4
    assert not figures.missed
    assert figures.left_open == 0


def test_pipelines_with_a_rhythm_have_no_false_alarm(figures: Figures) -> None:
    assert {kind for kind, _ in figures.false} <= SURPRISING
    assert figures.settled.total() == 0


def test_goldrushs_own_delay_is_not_blamed_on_pipelines(figures: Figures) -> None:
    assert figures.blamed["stalled"] == 0
    assert figures.blamed.total() * 5 < figures.of_chain.total()
