"""Logs, metrics and the destination's health as plain bytes: every row of what may come."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.domain.log_lines import PodLog
from bot.domain.measurement import DestinationHealth, Measurement
from bot.domain.observation import PipelineId
from bot.goldrush import wire_details
from bot.goldrush.wire_details import LONGEST_LOG, MOST_PODS
from bot.ports.pipeline_api import ApiError, Malformed, NotFound, Throttled

KEY = SecretStr("made-up-service-key")
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
ID = PipelineId("pipe_3e8678c5fc9e48a7bf9879ca729")


def envelope(data: object) -> bytes:
    return json.dumps({"data": data, "error": False, "error_message": None, "error_code": None}).encode()


def logs(body: bytes, status: int = 200) -> tuple[PodLog, ...]:
    return wire_details.decode_logs(status, {}, body, service_key=KEY)


def metrics(data: Mapping[str, object]) -> Measurement:
    return wire_details.decode_metrics(200, {}, envelope(data), at=AT, service_key=KEY)


def health(data: Mapping[str, object]) -> DestinationHealth:
    return wire_details.decode_destination_health(200, {}, envelope(data), service_key=KEY)


def test_the_paths_are_those_of_the_documentation() -> None:
    base = "/platform/pipeline-api/pipe_3e8678c5fc9e48a7bf9879ca729/"
    assert wire_details.logs_path(ID) == f"{base}logs/"
    assert wire_details.metrics_path(ID) == f"{base}metrics/"
    assert wire_details.destination_health_path(ID) == f"{base}destination-health/"


def test_the_logs_of_all_replicas_are_kept_apart() -> None:
    body = envelope({"uid": "u", "pods": [{"pod": "a", "logs": "one\ntwo"}, {"pod": "b", "logs": "three"}]})
    assert logs(body) == (PodLog(pod="a", text="one\ntwo"), PodLog(pod="b", text="three"))


@pytest.mark.parametrize(
    ("pods", "decoded"),
    [
        ([], ()),
        ([{"pod": "a"}], ()),
        ([{"pod": "a", "logs": None}, "text", None, {"logs": "x"}], (PodLog(pod="", text="x"),)),
        ([{"pod": 7, "logs": ""}], (PodLog(pod="", text=""),)),
        ([{"pod": "a", "logs": "half \ud800"}], (PodLog(pod="a", text="half ?"),)),
        ([{"pod": "a", "logs": "key made-up-service-key"}], (PodLog(pod="a", text="key [redacted]"),)),
    ],
)
def test_logs_of_other_forms(pods: object, decoded: tuple[PodLog, ...]) -> None:
    assert logs(envelope({"pods": pods})) == decoded


def test_long_logs_lose_their_beginning_and_many_replicas_their_last() -> None:
    pods = [{"pod": str(number), "logs": "a" * LONGEST_LOG + "end"} for number in range(MOST_PODS + 5)]
    decoded = logs(envelope({"pods": pods}))
    assert len(decoded) == MOST_PODS
    assert all(len(log.text) == LONGEST_LOG and log.text.endswith("end") for log in decoded)


def test_metrics_are_numbers_or_nothing() -> None:
    measured = metrics(
        {
            "uid": "u",
            "records_consumed": 12,
            "last_offset": 2**40,
            "last_block_height": 44_745_000,
            "pending_records": 0,
            "processing_delay_ms": 180.5,
            "records_per_second": 25,
            "normalization_errors": 3,
        }
    )
    assert measured == Measurement(
        at=AT,
        uid="u",
        records_consumed=12,
        last_offset=2**40,
        last_block_height=44_745_000,
        pending_records=0,
        processing_delay_ms=180.5,
        records_per_second=25.0,
        normalization_errors=3,
    )


@pytest.mark.parametrize("value", [None, "12", True, -1, 10**30, [], {}, 1.5])
def test_a_count_of_another_form_is_unknown(value: object) -> None:
    assert metrics({"pending_records": value}) == Measurement(at=AT)


@pytest.mark.parametrize("height", [-1, 2**63, 10**12 + 1])
def test_a_height_that_no_chain_has_is_unknown(height: int) -> None:
    assert metrics({"last_block_height": height}) == Measurement(at=AT)


@pytest.mark.parametrize("value", [None, "12", True, -1.0, 10**30, [], {}])
def test_a_number_of_another_form_is_unknown(value: object) -> None:
    assert metrics({"processing_delay_ms": value}) == Measurement(at=AT)


@pytest.mark.parametrize(
    ("data", "decoded"),
    [
        ({}, DestinationHealth()),
        (
            {"healthy": False, "last_checked_at": "2026-11-23T12:00:00Z", "latency_ms": 5, "last_error": "refused"},
            DestinationHealth(healthy=False, checked_at=AT, latency_ms=5.0, last_error="refused"),
        ),
        ({"healthy": True, "last_error": None}, DestinationHealth(healthy=True)),
        ({"healthy": "yes", "last_checked_at": "0001-01-01T00:00:00Z", "last_error": 7}, DestinationHealth()),
    ],
)
def test_the_probe_of_a_destination(data: Mapping[str, object], decoded: DestinationHealth) -> None:
    assert health(data) == decoded


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"<html>Bad gateway</html>", Malformed),
        (200, envelope({"pods": "text"}), Malformed),
        (200, envelope(None), Malformed),
        (404, b'{"data":null,"error":true,"error_message":"Pipeline not found.","error_code":"404"}', NotFound),
        (429, b"slow down", Throttled),
    ],
)
def test_answers_without_logs_are_errors(status: int, body: bytes, error: type[ApiError]) -> None:
    with pytest.raises(error):
        logs(body, status)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["uid", "pods", "healthy", "last_error", "records_consumed"]), JSON))
def test_nothing_but_an_api_error_is_raised(data: Mapping[str, object]) -> None:
    for decode in (lambda: logs(envelope(data)), lambda: metrics(data), lambda: health(data)):
        with suppress(ApiError):
            decode()
