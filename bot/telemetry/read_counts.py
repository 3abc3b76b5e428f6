"""Counts reads for Prometheus: hundreds a second, so without the library's locks."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from bot.ports.telemetry.monitoring import ReadEnded, ReadOutcome

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class ReadCounts(Collector):
    """Reads by outcome, and their durations. The library's classes take a lock for each of three values.

    Only the event loop's thread counts and collects.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._by_outcome = {outcome.value: 0 for outcome in ReadOutcome}
        self._by_bucket = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def count(self, record: ReadEnded) -> None:
        self._by_outcome[record.outcome] += 1
        self._by_bucket[bisect_left(BUCKETS, record.seconds)] += 1
        self._seconds += record.seconds

    def collect(self) -> Iterator[Metric]:
        reads = CounterMetricFamily(
            f"{self._prefix}_reads", "Reads of a pipeline's status, by outcome.", labels=["outcome"]
        )
        for outcome, number in self._by_outcome.items():
            reads.add_metric([outcome], number)
        yield reads
        bounds = map(floatToGoString, (*BUCKETS, float("inf")))
        yield HistogramMetricFamily(
            f"{self._prefix}_read_duration_seconds",
            "Time from request to answer of a read.",
            buckets=list(zip(bounds, accumulate(self._by_bucket), strict=True)),
            sum_value=self._seconds,
        )
