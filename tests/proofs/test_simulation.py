"""Runs the simulation: one world in this process, 100 hours in child processes."""

import os
import sys

import pytest

from tests.proofs import run_python
from tests.proofs.simulation import run_world

HOURS = 100  # 25 worlds; the sabotage searches at most 24


@pytest.mark.parametrize("seed", range(1, int(os.environ.get("WORLDS", "1")) + 1))
def test_each_change_is_reported_once_in_every_world(seed: int) -> None:
    _, faults, reported, *_ = run_world(seed)
    assert not faults
    assert reported > 0


def test_diagnoses_break_no_promise() -> None:
    _, faults, reported, *_ = run_world(1, diagnoses=True)
    assert not faults
    assert reported > 0


def test_a_run_that_stops_short_pages_once_and_one_that_finishes_pages_nobody() -> None:
    _, faults, reported, *_ = run_world(1, runs=True)
    assert not faults
    assert reported > 0


@pytest.mark.timeout(1800)
def test_a_hundred_simulated_hours(capsys: pytest.CaptureFixture[str]) -> None:
    """A child process fixes the hash seed, because the order of a set changes a world's course."""
    code, output = run_python("-m", "tests.proofs.simulation", "--hours", str(HOURS))
    with capsys.disabled():
        sys.stdout.write(f"\n{output}")
    assert code == 0, output
