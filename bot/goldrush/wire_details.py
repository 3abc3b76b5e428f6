"""Logs, metrics and the destination's health of a pipeline, without I/O: paths and decoders.

Sources: https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline-logs.md and the pages beside it. The
functions raise nothing but `ApiError`.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from pydantic import SecretStr

from bot.domain.log_lines import PodLog
from bot.domain.measurement import HIGHEST, DestinationHealth, Measurement
from bot.domain.observation import PipelineId
from bot.goldrush.envelope import count_of, member_object, number_of, payload, text_of, time_of
from bot.goldrush.wire import pipeline_path
from bot.ports.pipeline_api import Malformed
from bot.redaction import REDACTED

MOST_PODS = 20
LONGEST_LOG = 256 * 1024  # characters of one replica's log; the beginning is cut off
LARGEST_COUNT = 2**63

_counter = partial(count_of, most=LARGEST_COUNT)


def logs_path(pipeline_id: PipelineId) -> str:
    return f"{pipeline_path(pipeline_id)}logs/"


def metrics_path(pipeline_id: PipelineId) -> str:
    return f"{pipeline_path(pipeline_id)}metrics/"


def destination_health_path(pipeline_id: PipelineId) -> str:
    return f"{pipeline_path(pipeline_id)}destination-health/"


def decode_logs(
    status: int, headers: Mapping[str, str], body: bytes, *, service_key: SecretStr | None = None
) -> tuple[PodLog, ...]:
    """The log of each replica, without the ServiceKey. Other secrets are still in it: redact before use."""
    pods = payload(status, headers, body, service_key=service_key).get("pods", [])
    if not isinstance(pods, list):
        raise Malformed("GoldRush's answer holds no list of logs.")
    logs = []
    for pod in map(member_object, pods[:MOST_PODS]):
        text = pod.get("logs")
        if isinstance(text, str):
            tail = text[-LONGEST_LOG:].encode(errors="replace").decode()  # no encoding can write lone surrogates
            if service_key:
                tail = tail.replace(service_key.get_secret_value(), REDACTED)
            logs.append(PodLog(pod=text_of(pod, "pod"), text=tail))
    return tuple(logs)


def decode_metrics(
    status: int, headers: Mapping[str, str], body: bytes, *, at: datetime, service_key: SecretStr | None = None
) -> Measurement:
    """The metrics of now. `at` is the time of the answer, since it carries none."""
    data = payload(status, headers, body, service_key=service_key)
    return Measurement(
        at=at,
        uid=text_of(data, "uid") or None,
        records_consumed=_counter(data, "records_consumed"),
        last_offset=_counter(data, "last_offset"),
        last_block_height=count_of(data, "last_block_height", most=HIGHEST),
        pending_records=_counter(data, "pending_records"),
        processing_delay_ms=number_of(data, "processing_delay_ms"),
        records_per_second=number_of(data, "records_per_second"),
        normalization_errors=_counter(data, "normalization_errors"),
    )


def decode_destination_health(
    status: int, headers: Mapping[str, str], body: bytes, *, service_key: SecretStr | None = None
) -> DestinationHealth:
    """The latest probe. `last_error` is text of the destination: redact before use."""
    data = payload(status, headers, body, service_key=service_key)
    healthy = data.get("healthy")
    return DestinationHealth(
        healthy=healthy if isinstance(healthy, bool) else None,
        checked_at=time_of(data, "last_checked_at"),
        latency_ms=number_of(data, "latency_ms"),
        last_error=text_of(data, "last_error"),
    )
