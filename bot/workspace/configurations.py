"""Builds what compares the configurations of pipelines."""

from bot.goldrush.client import Client
from bot.jobs import PeriodicJob
from bot.monitoring.configurations import Configurations
from bot.monitoring.monitoring import Monitoring
from bot.workspace.base import Base

FORGET_SECONDS = 6 * 3600.0


def build_configurations(base: Base, api: Client) -> Configurations:
    return Configurations(
        api=api,
        store=base.store,
        repository=base.repository,
        budget=base.budget,
        clock=base.clock,
        leadership=base.leadership,
    )


def configuration_jobs(base: Base, monitoring: Monitoring) -> list[PeriodicJob]:
    if monitoring.configurations is None:
        return []
    forget = base.leadership.only_as_leader(monitoring.configurations.forget_old)
    return [PeriodicJob("old_configurations", forget, FORGET_SECONDS, hangs_after=300.0)]
