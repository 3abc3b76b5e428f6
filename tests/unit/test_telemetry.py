"""Event records reach every subscriber, and the log shows them whole."""

import logging
from dataclasses import FrozenInstanceError

import pytest
from structlog.testing import capture_logs

from bot.ports.telemetry import EventRecord, Level, emit, event, subscribe, subscribed
from bot.ports.telemetry.monitoring import ReadEnded
from bot.ports.telemetry.process import JobCrashed, JobLate
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.telemetry.logs import log_record

LATE = JobLate(job="tick", seconds=1.5)


def test_each_subscriber_gets_each_record_while_it_is_subscribed() -> None:
    one: list[EventRecord] = []
    other: list[EventRecord] = []
    with subscribed(one.append):
        with subscribed(other.append):
            emit(LATE)
        emit(JobLate(job="tick", seconds=2.0))
    emit(LATE)
    assert (len(one), other) == (2, [LATE])


def test_configuring_the_log_twice_subscribes_once() -> None:
    subscribe(log_record)
    subscribe(log_record)
    with capture_logs() as lines:
        emit(LATE)
    assert lines == [{"event": "job_late", "log_level": "warning", "job": "tick", "seconds": 1.5}]


def test_a_field_without_a_value_is_not_logged() -> None:
    with capture_logs() as lines:
        emit(StoreUnreachable(component=Component.DELIVERY, problem="no answer"))
    assert lines == [{"event": "store_away", "log_level": "warning", "component": "delivery", "problem": "no answer"}]


def test_the_log_gets_the_exception_of_a_crash() -> None:
    crash = LookupError("nothing is there")
    with capture_logs() as lines:
        emit(JobCrashed(job="tick", exception=crash))
    assert lines == [{"event": "job_crashed", "log_level": "error", "job": "tick", "exc_info": crash}]


def test_a_record_is_frozen_and_its_name_is_unique() -> None:
    with pytest.raises(FrozenInstanceError):
        LATE.seconds = 2.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="two records have the name job_late"):

        @event("job_late", Level.INFO)
        class Another(EventRecord):
            pass


def test_debug_records_are_logged_only_at_that_level(caplog: pytest.LogCaptureFixture) -> None:
    read = ReadEnded(pipeline="pipe_1", outcome="ok", seconds=0.1)
    for level, lines_wanted in ((logging.INFO, 0), (logging.DEBUG, 1)):
        with caplog.at_level(level, "bot"), capture_logs() as lines:
            emit(read)
        assert len(lines) == lines_wanted
