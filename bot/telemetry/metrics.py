"""The subscriber that counts: Prometheus counters and histograms, fed by event records."""

from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector

from bot.domain.delivery import Priority
from bot.domain.diagnosis import LogOutcome
from bot.domain.receipt import SkipReason
from bot.domain.transition import Event
from bot.ports.telemetry import RECORDS, EventRecord, Level
from bot.ports.telemetry.delivery import DeliverySettled, NotNotified
from bot.ports.telemetry.diagnoses import DetailsRead, Diagnosed, Endpoint
from bot.ports.telemetry.monitoring import ReadEnded, ReadOutcome, TransitionDetected
from bot.ports.telemetry.slack import CallOutcome, InteractionAcknowledged, InteractionAnswered, SlackCalled
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.telemetry.read_counts import ReadCounts

PREFIX = "pipeline_bot"
R = TypeVar("R", bound=EventRecord)

DELIVERY_BUCKETS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
ANSWER_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
DELIVERY_OUTCOMES = ("posted", "found", "again", "suspended", "dropped", "gone")


class Metrics:
    """Counts event records. No label names a pipeline, channel or person, so the number of series stays small.

    A series with known label values starts at 0, so that Prometheus sees its first increase.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._handlers: dict[type[EventRecord], Callable[[EventRecord], None]] = {}
        self._events = self._counter("events", "Event records, by the event's name in the log.", "event")
        for name, record in RECORDS.items():
            if record.level is not Level.DEBUG:
                self._events[name].inc(0)
        self._follow_reads()
        self._follow_diagnoses()
        self._follow_deliveries()
        self._follow_slack()
        self._follow_store()

    def on_record(self, record: EventRecord) -> None:
        """Subscribes to event records."""
        if record.level is not Level.DEBUG:
            self._events[record.event].inc()
        if handle := self._handlers.get(type(record)):
            handle(record)

    def _follow_reads(self) -> None:
        reads = ReadCounts(PREFIX)
        self.registry.register(reads)
        transitions = self._counter("transitions", "Changes of pipelines, by the new state.", "became", Event)

        self._on(ReadEnded, reads.count)
        self._on(TransitionDetected, lambda record: transitions[record.became].inc())

    def _follow_diagnoses(self) -> None:
        diagnoses = self._counter("diagnoses", "Diagnoses of failures, by the log's outcome.", "log", LogOutcome)
        duration = self._histogram(
            "diagnosis_seconds", "Time from a diagnosis's first read until its result was stored.", ANSWER_BUCKETS
        )
        reads = Counter(
            f"{PREFIX}_details_reads",
            "Reads of logs, metrics and destination health, by outcome.",
            ["endpoint", "outcome"],
            registry=self.registry,
        )
        for endpoint in Endpoint:
            for outcome in ReadOutcome:
                reads.labels(endpoint, outcome)

        def on_diagnosed(record: Diagnosed) -> None:
            diagnoses[record.log].inc()
            duration.observe(record.seconds)

        self._on(Diagnosed, on_diagnosed)
        self._on(DetailsRead, lambda record: reads.labels(record.endpoint, record.outcome).inc())

    def _follow_deliveries(self) -> None:
        outcomes = self._counter("deliveries", "Steps of deliveries, by outcome.", "outcome", DELIVERY_OUTCOMES)
        delay = Histogram(
            f"{PREFIX}_delivery_delay_seconds",
            "Time from the read or click that caused a message until the receiver had it.",
            ["priority"],
            registry=self.registry,
            buckets=DELIVERY_BUCKETS,
        )
        skips = self._counter("not_notified", "Conversations that a change left out, by reason.", "reason", SkipReason)
        delays = {name: delay.labels(name) for name in (priority.name.lower() for priority in Priority)}

        def on_settled(record: DeliverySettled) -> None:
            outcomes[record.outcome].inc()
            if record.seconds is not None:
                delays[record.priority].observe(record.seconds)

        self._on(DeliverySettled, on_settled)
        self._on(NotNotified, lambda record: skips[record.reason].inc())

    def _follow_slack(self) -> None:
        calls = Counter(
            f"{PREFIX}_slack_requests",
            "Calls of Slack's Web API, by method and outcome; `rate_limited` is a 429.",
            ["method", "outcome"],
            registry=self.registry,
        )
        acknowledged = self._histogram(
            "interaction_ack_seconds", "Time until the bot acknowledged a command, click or form.", ANSWER_BUCKETS
        )
        answered = self._histogram("interaction_answer_seconds", "Time until a person had the answer.", ANSWER_BUCKETS)
        interactions = self._counter("interactions", "Answered interactions, by kind.", "kind")
        known: set[str] = set()

        def on_call(record: SlackCalled) -> None:
            if record.method not in known:
                known.add(record.method)
                for outcome in CallOutcome:
                    calls.labels(record.method, outcome)
            calls.labels(record.method, record.outcome).inc()

        def on_answer(record: InteractionAnswered) -> None:
            interactions[record.interaction].inc()
            answered.observe(record.seconds)

        self._on(SlackCalled, on_call)
        self._on(InteractionAcknowledged, lambda record: acknowledged.observe(record.seconds))
        self._on(InteractionAnswered, on_answer)

    def _follow_store(self) -> None:
        errors = self._counter("store_errors", "Failed uses of Redis, by part of the bot.", "component", Component)
        self._on(StoreUnreachable, lambda record: errors[record.component].inc())

    def _on(self, kind: type[R], handle: Callable[[R], None]) -> None:
        # `on_record` passes a handler only records of its own kind.
        self._handlers[kind] = cast("Callable[[EventRecord], None]", handle)

    def _counter(self, name: str, text: str, label: str, values: Iterable[str] = ()) -> "_ByLabel":
        counter = _ByLabel(Counter(f"{PREFIX}_{name}", text, [label], registry=self.registry))
        for value in values:
            counter[value].inc(0)
        return counter

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, registry=self.registry, buckets=buckets)


class _ByLabel(dict[str, Counter]):
    """The children of a counter with one label. Looking a child up here skips the lock of `Counter.labels`."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self._counter = counter

    def __missing__(self, value: str) -> Counter:
        child = self[value] = self._counter.labels(value)
        return child
