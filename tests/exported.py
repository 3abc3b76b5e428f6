"""The metrics that a bot with every role exports."""

from prometheus_client import CollectorRegistry, generate_latest

from bot.ports.figures import BudgetFigures, OutboxFigures, PollingFigures
from bot.ports.telemetry.slack import CallOutcome, InteractionAnswered, SlackCalled
from bot.telemetry.gauges import Gauges
from bot.telemetry.health import HealthMonitor
from bot.telemetry.metrics import Metrics
from bot.telemetry.sources import Sources

POLLING = PollingFigures(pipelines=3, ages=[1.0, 2.0, 9.0], lateness=[0.1, 0.2, 1.5])
BUDGET = BudgetFigures(full_rate=4.0, rate=3.4, used=17)
OUTBOX = OutboxFigures(due=2, suspended=5, oldest_seconds=7.5)


async def outbox() -> OutboxFigures:
    return OUTBOX


async def no_problem() -> str | None:
    return None


def full_sources() -> Sources:
    return Sources(
        store_problem=no_problem,
        heartbeat_age=lambda: 1.5,
        is_leader=lambda: True,
        is_sending=lambda: True,
        polling=lambda: POLLING,
        api_problem=lambda: None,
        budget=lambda: BUDGET,
        outbox=outbox,
        hears_slack=lambda: True,
        suspended_channels=lambda: 0,
        roles_problem=lambda: None,
        reader_problem=lambda: None,
        watchdog_age=lambda: 0.2,
    )


async def exported() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each metric, by the name under which a query finds it."""
    return {
        sample.name: (family.type, frozenset(sample.labels) - {"le"})
        for family in (await _registry()).collect()
        for sample in family.samples
    }


async def scraped_text() -> str:
    """What Prometheus reads."""
    return generate_latest(await _registry()).decode()


async def _registry() -> CollectorRegistry:
    metrics, gauges = Metrics(), Gauges(full_sources())
    metrics.on_record(SlackCalled(method="chat.update", outcome=CallOutcome.OK, seconds=0.1))
    metrics.on_record(InteractionAnswered(interaction="command", seconds=0.1))
    await gauges.refresh(await HealthMonitor(full_sources()).health())
    metrics.registry.register(gauges)
    return metrics.registry
