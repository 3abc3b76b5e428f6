"""Builds what finds stuck deployments and drift."""

from bot.jobs import PeriodicJob
from bot.monitoring.deployment_checks import CHECK_SECONDS, DeploymentChecks
from bot.monitoring.monitoring import Monitoring
from bot.workspace.base import Base


def deployment_jobs(base: Base, monitoring: Monitoring) -> list[PeriodicJob]:
    checks = DeploymentChecks(
        repository=base.repository,
        history=base.store,
        read_intent=monitoring.recorder.read_intent,
        clock=base.clock,
        leadership=base.leadership,
    )
    return [PeriodicJob("deployment_checks", checks.run, CHECK_SECONDS)]
