"""Builds what follows the runs of bounded pipelines."""

from bot.jobs import PeriodicJob
from bot.monitoring.bounded_runs import BoundedRuns
from bot.monitoring.measurements import Measurements
from bot.monitoring.monitoring import Monitoring
from bot.workspace.base import Base

FOLLOW_SECONDS = 2.0


def bounded_run_jobs(base: Base, monitoring: Monitoring, measurements: Measurements) -> list[PeriodicJob]:
    if base.shared.api is None:
        return []
    runs = BoundedRuns(
        repository=base.repository,
        details=base.shared.api,
        recent=measurements.recent,
        are_loaded=measurements.are_loaded,
        confirm_intent=monitoring.recorder.confirm_intent,
        budget=base.budget,
        clock=base.clock,
        leadership=base.leadership,
    )
    return [PeriodicJob("bounded_runs", runs.follow, FOLLOW_SECONDS)]
