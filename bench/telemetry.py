"""What the metrics cost: counting one read, and one scrape.

    python -m bench --only telemetry

Both are CPU time of this process, against limits: a read may cost 3 µs more, and a scrape 1 % of one core every 15 s.
"""

from collections.abc import Callable
from time import process_time

from prometheus_client import generate_latest

from bench.experiment import Experiment, Measurement, Results, Row, Run, at_most
from bot.ports.telemetry import emit, subscribed
from bot.ports.telemetry.monitoring import ReadEnded, ReadOutcome
from bot.telemetry.gauges import Gauges
from bot.telemetry.health import HealthMonitor
from bot.telemetry.logs import log_record
from bot.telemetry.metrics import Metrics
from bot.telemetry.sources import Sources

READ_LIMIT = 3e-6
SCRAPE_LIMIT = 0.15
ROUNDS = 5
"""The best of so many counts: a busy machine only makes the others slower."""

READ = Row(name="telemetry-read", label="G1", what="CPU to count one read", against="a limit", goal=at_most(1.0))
SCRAPE = Row(name="telemetry-scrape", label="G1", what="CPU of one scrape", against="1 % of a core", goal=at_most(1.0))


async def measure(run: Run) -> Results:
    run.tell("counting")
    metrics, monitor = Metrics(), HealthMonitor(Sources())
    gauges = Gauges(Sources())
    metrics.registry.register(gauges)
    with subscribed(log_record), subscribed(monitor.on_record), subscribed(metrics.on_record):
        read = _cpu_seconds(_count_one, 10_000 if run.quick else 100_000)
    await gauges.refresh(await monitor.health())
    scrape = _cpu_seconds(lambda: generate_latest(metrics.registry), 20)
    return {
        READ.name: Measurement(value=read * 1e6, peer=READ_LIMIT * 1e6, unit="µs"),
        SCRAPE.name: Measurement(value=scrape * 1e3, peer=SCRAPE_LIMIT * 1e3, unit="ms"),
    }


def _count_one() -> None:
    emit(ReadEnded(pipeline="pipe_1", outcome=ReadOutcome.OK, seconds=0.03))


def _cpu_seconds(work: Callable[[], object], times: int) -> float:
    """CPU seconds of one call."""
    counts = []
    for _ in range(ROUNDS):
        began = process_time()
        for _ in range(times):
            work()
        counts.append((process_time() - began) / times)
    return min(counts)


EXPERIMENT = Experiment(name="telemetry", rows=(READ, SCRAPE), measure=measure, rounds=1)
