"""A few pipelines for ten days. `fleet_deployments` runs hundreds of them for a month."""

import asyncio

from bot.domain.transition import Event
from tests.proofs.fleet_deployments import Figures, Fleet


def test_no_stuck_deployment_and_no_drift_is_missed_and_false_alarms_are_rare() -> None:
    figures: Figures = asyncio.run(Fleet(pipelines=20, days=10, seed=5).run())
    assert figures.problems[Event.STUCK] >= 3
    assert figures.problems[Event.DRIFT] >= 3
    assert not +figures.missed
    assert figures.false[Event.DRIFT] == 0
    assert figures.false[Event.STUCK] <= 1
    assert figures.delay(Event.DRIFT, 0.5) < 10


def test_a_steady_fleet_reads_no_intent() -> None:
    fleet = Fleet(pipelines=5, days=1, seed=1)
    for life in fleet.lives.values():
        del life.truths[1:]
        life.problems.clear()
    figures = asyncio.run(fleet.run())
    assert figures.intents_read == 0
    assert not +figures.false
