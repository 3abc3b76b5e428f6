"""Metrics count event records, and export the values of the sources that a process has."""

from collections.abc import Mapping

import pytest

from bot.domain.transition import Event
from bot.ports.figures import OutboxFigures, PollingFigures
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import RECORDS, Level
from bot.ports.telemetry.delivery import DeliverySettled
from bot.ports.telemetry.monitoring import KeyRejected, ReadEnded, ReadOutcome, TransitionDetected
from bot.ports.telemetry.slack import CallOutcome, InteractionAcknowledged, InteractionAnswered, SlackCalled
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.telemetry.gauges import Gauges
from bot.telemetry.health import Check, Health, HealthMonitor
from bot.telemetry.metrics import Metrics
from bot.telemetry.sources import Sources
from tests.exported import exported, full_sources

NO_LABELS: Mapping[str, str] = {}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"pipeline_bot_{name}", labels)


def test_reads_are_counted_by_outcome_and_timed(metrics: Metrics) -> None:
    metrics.on_record(ReadEnded(pipeline="pipe_1", outcome=ReadOutcome.OK, seconds=0.03))
    metrics.on_record(ReadEnded(pipeline="pipe_2", outcome=ReadOutcome.THROTTLED, seconds=0.2))
    assert value(metrics, "reads_total", outcome="ok") == 1
    assert value(metrics, "reads_total", outcome="throttled") == 1
    assert value(metrics, "read_duration_seconds_bucket", le="0.05") == 1
    assert value(metrics, "read_duration_seconds_count") == 2


def test_transitions_are_counted_by_the_new_state(metrics: Metrics) -> None:
    metrics.on_record(TransitionDetected(pipeline="pipe_1", became="failed", phase="FAILED"))
    assert value(metrics, "transitions_total", became="failed") == 1


def test_a_delivery_that_arrived_is_timed_and_another_is_not(metrics: Metrics) -> None:
    def settled(outcome: str, seconds: float | None) -> DeliverySettled:
        return DeliverySettled(
            delivery="d", channel="C1", outcome=outcome, lease_held=True, priority="failure", seconds=seconds
        )

    metrics.on_record(settled("again", None))
    metrics.on_record(settled("posted", 1.2))
    assert value(metrics, "delivery_delay_seconds_count", priority="failure") == 1
    assert value(metrics, "delivery_delay_seconds_sum", priority="failure") == 1.2
    assert value(metrics, "deliveries_total", outcome="again") == 1


def test_calls_of_slack_are_counted_by_method_and_outcome(metrics: Metrics) -> None:
    metrics.on_record(SlackCalled(method="chat.update", outcome=CallOutcome.OK, seconds=0.1))
    assert value(metrics, "slack_requests_total", method="chat.update", outcome="rate_limited") == 0
    metrics.on_record(SlackCalled(method="chat.update", outcome=CallOutcome.RATE_LIMITED, seconds=0.1))
    assert value(metrics, "slack_requests_total", method="chat.update", outcome="rate_limited") == 1


def test_acknowledgements_and_answers_are_timed(metrics: Metrics) -> None:
    metrics.on_record(InteractionAcknowledged(interaction="command", seconds=0.02))
    metrics.on_record(InteractionAnswered(interaction="command", seconds=0.4))
    assert value(metrics, "interaction_ack_seconds_sum") == 0.02
    assert value(metrics, "interaction_answer_seconds_sum") == 0.4
    assert value(metrics, "interactions_total", kind="command") == 1


def test_failed_uses_of_redis_are_counted_by_part(metrics: Metrics) -> None:
    metrics.on_record(StoreUnreachable(component=Component.DELIVERY, problem="gone"))
    assert value(metrics, "store_errors_total", component="delivery") == 1


def test_each_logged_event_is_counted_from_zero(metrics: Metrics) -> None:
    logged = {name for name, record in RECORDS.items() if record.level is not Level.DEBUG}
    assert {name for name in logged if value(metrics, "events_total", event=name) == 0} == logged
    metrics.on_record(KeyRejected(problem="401"))
    assert value(metrics, "events_total", event="key_rejected") == 1


def test_known_values_of_labels_start_at_zero(metrics: Metrics) -> None:
    assert [value(metrics, "reads_total", outcome=outcome) for outcome in ReadOutcome] == [0] * len(ReadOutcome)
    assert [value(metrics, "transitions_total", became=event) for event in Event] == [0] * len(Event)
    assert [value(metrics, "store_errors_total", component=part) for part in Component] == [0] * len(Component)


async def test_no_metric_has_a_label_for_a_pipeline_channel_or_person() -> None:
    allowed = {"outcome", "became", "event", "check", "method", "priority", "component", "state", "limit", "percentile"}
    allowed |= {
        "endpoint",
        "log",
        "kind",
        "reason",
        "version",
        "generation",
        "implementation",
        "major",
        "minor",
        "patchlevel",
    }
    assert {label for _, labels in (await exported()).values() for label in labels} <= allowed


# --- values of the sources -------------------------------------------------------------------------------------------


async def gauge(
    sources: Sources, name: str, labels: Mapping[str, str] = NO_LABELS, health: Health | None = None
) -> float | None:
    metrics, gauges = Metrics(), Gauges(sources)
    await gauges.refresh(health or await HealthMonitor(sources).health())
    metrics.registry.register(gauges)
    return value(metrics, name, **labels)


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("leader", {}, 1.0),
        ("sending", {}, 1.0),
        ("heartbeat_age_seconds", {}, 1.5),
        ("pipelines", {}, 3.0),
        ("reading_age_seconds", {"percentile": "50"}, 2.0),
        ("reading_age_seconds", {"percentile": "100"}, 9.0),
        ("reading_age_ratio", {"percentile": "99"}, 1.5),
        ("budget_requests_per_second", {"limit": "full"}, 4.0),
        ("budget_requests_per_second", {"limit": "now"}, 3.4),
        ("budget_used_requests_total", {}, 17.0),
        ("outbox_messages", {"state": "due"}, 2.0),
        ("outbox_messages", {"state": "suspended"}, 5.0),
        ("outbox_oldest_age_seconds", {}, 7.5),
        ("slack_connected", {}, 1.0),
        ("problem", {"check": "store"}, 0.0),
    ],
)
async def test_a_scrape_shows_the_current_value(name: str, labels: dict[str, str], expected: float) -> None:
    assert await gauge(full_sources(), name, labels) == expected


async def test_a_process_exports_nothing_about_parts_that_it_lacks() -> None:
    assert await gauge(Sources(), "leader") is None
    assert await gauge(Sources(), "outbox_messages", {"state": "due"}) is None
    assert await gauge(Sources(), "slack_connected") is None


async def test_a_bot_that_does_not_lead_exports_no_ages() -> None:
    sources = Sources(polling=lambda: None)
    assert await gauge(sources, "pipelines") is None
    assert await gauge(sources, "reading_age_seconds", {"percentile": "100"}) is None


async def test_ages_are_left_out_before_the_first_reading() -> None:
    sources = Sources(polling=lambda: PollingFigures(pipelines=2, ages=[], lateness=[]))
    assert await gauge(sources, "pipelines") == 2
    assert await gauge(sources, "reading_age_seconds", {"percentile": "100"}) is None


async def test_a_problem_is_exported_by_its_check() -> None:
    health = Health(problems={Check.STORE: "away"}, warnings={Check.GOLDRUSH: "away"})
    for check in (Check.STORE, Check.GOLDRUSH):
        assert await gauge(Sources(), "problem", {"check": check}, health) == 1
    assert await gauge(Sources(), "problem", {"check": "slack"}, health) == 0


async def test_a_store_that_goes_away_during_a_scrape_costs_only_the_outbox() -> None:
    async def away() -> OutboxFigures:
        raise StoreAway("gone")

    sources = Sources(outbox=away, is_leader=lambda: True)
    assert await gauge(sources, "outbox_messages", {"state": "due"}) is None
    assert await gauge(sources, "leader") == 1
