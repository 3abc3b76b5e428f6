"""The metrics that a scrape computes: the current values of this process's sources, and its problems."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.ports.figures import BudgetFigures, OutboxFigures, PollingFigures
from bot.ports.store_errors import StoreAway
from bot.telemetry.health import Check, Health
from bot.telemetry.metrics import PREFIX
from bot.telemetry.sources import Sources

PERCENTILES = (50, 90, 99, 100)


class Gauges(Collector):
    """Exports a metric only if this process has its source. `refresh` comes before each scrape."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._metrics: list[Metric] = []
        self._build = InfoMetricFamily(
            f"{PREFIX}_build", "The bot's version.", value={"version": version("pipeline-bot")}
        )

    async def refresh(self, health: Health) -> None:
        """Reads all sources. Leaves out the outbox while the store is away."""
        sources = self._sources
        self._metrics = [self._build, *_problems(health)]
        if sources.is_leader:
            self._add("leader", "1 if this process leads: it polls.", float(sources.is_leader()))
        if sources.is_sending:
            self._add("sending", "1 if this process is the active sender.", float(sources.is_sending()))
        if sources.heartbeat_age and (age := sources.heartbeat_age()) is not None:
            self._add("heartbeat_age_seconds", "Time since a bot last recorded that it polls.", age)
        if sources.suspended_channels:
            text = "Channels of the workspace that take no messages."
            self._add("suspended_channels", text, sources.suspended_channels())
        if sources.hears_slack:
            self._add("slack_connected", "1 if this process hears Slack.", float(sources.hears_slack()))
        if health.polling:
            self._metrics += _polling(health.polling)
        if sources.budget:
            self._metrics += _budget(sources.budget())
        if sources.outbox and Check.STORE not in health.problems:
            await self._refresh_outbox(sources.outbox)

    async def _refresh_outbox(self, read: Callable[[], Awaitable[OutboxFigures]]) -> None:
        try:
            figures = await read()
        except StoreAway:  # since the check of the store
            return
        messages = GaugeMetricFamily(
            f"{PREFIX}_outbox_messages", "Messages that all bots still owe, by state.", labels=["state"]
        )
        messages.add_metric(["due"], figures.due)
        messages.add_metric(["suspended"], figures.suspended)
        self._metrics.append(messages)
        self._add("outbox_oldest_age_seconds", "Age of the oldest due message.", figures.oldest_seconds)

    def _add(self, name: str, text: str, value: float) -> None:
        self._metrics.append(GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value))

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _problems(health: Health) -> Iterator[Metric]:
    problem = GaugeMetricFamily(f"{PREFIX}_problem", "1 while the check fails; see /readyz.", labels=["check"])
    for check in Check:
        problem.add_metric([check], float(check in health.problems or check in health.warnings))
    yield problem


def _polling(figures: PollingFigures) -> Iterator[Metric]:
    yield GaugeMetricFamily(f"{PREFIX}_pipelines", "Pipelines that this process polls.", value=figures.pipelines)
    yield _percentiles("reading_age_seconds", "Time since the last successful read of a pipeline.", figures.ages)
    yield _percentiles(
        "reading_age_ratio",
        "The same time over the age that the bot promises; above 1 the reading is older than promised.",
        figures.lateness,
    )


def _budget(figures: BudgetFigures) -> Iterator[Metric]:
    rate = GaugeMetricFamily(
        f"{PREFIX}_budget_requests_per_second", "Requests a second to GoldRush: the setting, and now.", labels=["limit"]
    )
    rate.add_metric(["full"], figures.full_rate)
    rate.add_metric(["now"], figures.rate)
    yield rate
    used = CounterMetricFamily(f"{PREFIX}_budget_used_requests", "Requests to GoldRush that the bot took.")
    used.add_metric([], figures.used)
    yield used


def _percentiles(name: str, text: str, values: Sequence[float]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=["percentile"])
    ordered = sorted(values)
    for percentile in PERCENTILES if ordered else ():
        family.add_metric([str(percentile)], ordered[min(percentile * len(ordered) // 100, len(ordered) - 1)])
    return family
