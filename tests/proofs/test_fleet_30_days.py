"""A small fleet for thirty days: nothing missed and nothing false. And the judge of the simulation itself."""

import pytest

from tests.proofs.fleet_30_days import (
    KINDS,
    Fault,
    Figures,
    SimulatedChain,
    SimulatedPipeline,
    count_lag,
    run,
    visible_minutes,
)


@pytest.fixture(scope="module")
def figures() -> Figures:
    return run(len(KINDS), 0, with_key=True)


def test_no_stall_and_no_lag_is_missed(figures: Figures) -> None:
    assert sum(figures.faults.values()) >= 4
    assert not figures.missed
    assert figures.left_open == 0


def test_no_alarm_is_false(figures: Figures) -> None:
    assert not figures.false


def test_goldrushs_own_delay_is_not_blamed_on_pipelines(figures: Figures) -> None:
    assert figures.blamed["stalled"] == 0
    assert figures.blamed.total() * 5 < figures.of_chain.total()


@pytest.mark.parametrize(
    ("lag", "with_fault", "false", "found"),
    [(10, True, 1, 0), (290, True, 0, 1), (400, True, 0, 1), (290, False, 1, 0), (400, False, 0, 0)],
)
def test_a_lag_is_false_if_the_pipeline_is_not_as_late_as_the_limit(
    lag: float, with_fault: bool, false: int, found: int
) -> None:
    """Within a fault, the alarm may come two minutes and two blocks early: the simulation knows no better."""
    fault = Fault("drift", 0, 600)
    chain = SimulatedChain("base-mainnet", [], [], [], [], block_seconds=2.0)
    pipeline = SimulatedPipeline("steady", chain, [], [], [], [lag] * 100, [], [], [fault] if with_fault else [])
    figures = Figures()
    count_lag(pipeline, 50.0, 300, figures, names_the_chain=False)
    assert (figures.false.total(), len(fault.found_at)) == (false, found)


@pytest.mark.parametrize(
    ("hidden", "visible"),
    [((), 70), (((0, 50), (90, 100)), 60), (((40, 60), (50, 70)), 50), (((110, 130),), 60), (((30, 140),), 0)],
)
def test_a_fault_is_hidden_while_the_bot_is_away_or_the_chain_stands_still(
    hidden: tuple[tuple[int, int], ...], visible: int
) -> None:
    assert visible_minutes(Fault("stall", 50, 120), hidden) == visible
