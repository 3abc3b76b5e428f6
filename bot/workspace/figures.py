"""Enters the parts of a workspace where metrics and probes look."""

from bot.coordination.heartbeat import Heartbeat
from bot.jobs import Jobs
from bot.monitoring.monitoring import Monitoring
from bot.workspace.base import Base


def offer_figures(base: Base, monitoring: Monitoring | None, heartbeat: Heartbeat, jobs: Jobs) -> None:
    """Every process knows the heartbeat and the outbox, so that one process's end hides neither."""
    sources = base.shared.sources

    def heartbeat_age() -> float | None:
        return (base.clock.now() - heartbeat.last_at).total_seconds() if heartbeat.last_at else None

    sources.heartbeat_age = heartbeat_age
    sources.outbox = base.store.outbox_figures
    sources.suspended_channels = lambda: len(base.repository.watches.suspended)
    sources.add_watchdog(jobs.watchdog_age)
    if monitoring:
        sources.budget = base.budget.figures
        sources.is_leader = lambda: base.leadership.is_leader
        sources.polling = monitoring.staleness.figures
        sources.api_problem = monitoring.api_trouble.current
