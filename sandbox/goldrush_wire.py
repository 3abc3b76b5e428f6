"""The JSON answers of the Pipeline REST API: pure functions of a pipeline and the time.

Sources: the pages under https://goldrush.dev/docs/api-reference/pipeline-api/ . Every answer is an envelope of `data`,
`error`, `error_message` and `error_code` (a string).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.goldrush_pipelines import Pipeline

Json = dict[str, Any]

MESSAGES = {
    400: "Invalid request parameters.",
    401: "No valid API key was provided.",
    403: "This endpoint requires a ServiceKey with access to the resource.",
    404: "Pipeline not found.",
    405: "Method not allowed.",
    409: "The pipeline is being changed by another request.",
    429: "Rate limit exceeded.",
    500: "Internal server error.",
    503: "Service temporarily unavailable.",
}

CREATOR: Json = {
    "id": "user_fb22f43e38ac44edabc7f566c5d",
    "email": "carol@acme-data.example",
    "display_name": "Carol",
    "full_name": "Carol Chen",
}
GROUP: Json = {
    "id": "group_d632592ddbde4a499452d25b",
    "name": "Acme Data",
    "slug": "acme-data",
    "is_paid": True,
    "is_over_limit": False,
    "is_free_trial_expired": False,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status with its envelope."""

    status: int
    body: Json


def encoded(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def success(data: Json) -> Answer:
    return Answer(200, {"data": data, "error": False, "error_message": None, "error_code": None})


def failure(status: int, message: str | None = None) -> Answer:
    message = message or MESSAGES[status]
    return Answer(status, {"data": None, "error": True, "error_message": message, "error_code": str(status)})


def page(pipelines: Sequence[Pipeline], page_number: int, page_size: int) -> Json:
    """One page of the list; a page past the end is empty, not an error."""
    start = (page_number - 1) * page_size
    items = pipelines[start : start + page_size]
    return {
        "items": [configuration(pipeline) for pipeline in items],
        "pagination": {
            "has_more": start + page_size < len(pipelines),
            "page_number": page_number,
            "page_size": page_size,
            "total_count": len(pipelines),
        },
    }


def configuration(pipeline: Pipeline) -> Json:
    """The pipeline object: `status` is the user's intent; secrets read back as six asterisks."""
    bounded = pipeline.execution_mode == "bounded"
    table = pipeline.topic.split(".")[-1]
    return {
        "id": pipeline.id,
        "name": pipeline.name,
        "project": pipeline.project,
        "description": pipeline.description,
        "topic": pipeline.topic,
        "destination_type": pipeline.destination_type,
        "destination_config": {
            "type": pipeline.destination_type,
            "url": f"{pipeline.destination_type}://warehouse.example.com/{pipeline.project}",
            "user": "writer",
            "password": "******",
        },
        "transforms": {table: "SELECT * FROM source"},
        "execution_mode": pipeline.execution_mode,
        "execution_start_from": "18908895" if bounded else "44745000",
        "execution_stop_from": "21525890" if bounded else "",
        "abi_file": {},
        "abi_contract_addresses": [],
        "abi_unmatched": "",
        "status": pipeline.intent,
        "created_by": CREATOR,
        "group": GROUP,
        "created_at": timestamp(pipeline.created_at),
        "updated_at": timestamp(pipeline.updated_at),
    }


def status(pipeline: Pipeline) -> Json:
    """The runtime's phase. Every field is optional, and absent if the runtime does not know it."""
    start_time = pipeline.start_time
    known = {
        "uid": pipeline.uid,
        "status": pipeline.phase,
        "replicas": pipeline.replicas,
        "ready": pipeline.ready,
        "start_time": None if start_time is None else timestamp(start_time),
    }
    return {name: value for name, value in known.items() if value is not None}


def logs(pipeline: Pipeline, now: datetime) -> Json:
    """One pod per replica. If no container runs, the call succeeds and the text is the error."""
    return {
        "uid": pipeline.uid,
        "pods": [
            {"pod": f"pipeline-{pipeline.uid}{number:04x}", "logs": _tail(pipeline, now, number)}
            for number in range(pipeline.replicas)
        ],
    }


def _tail(pipeline: Pipeline, now: datetime, number: int) -> str:
    stamp = timestamp(now)
    if pipeline.phase == "FAILED":
        reason = pipeline.destination_error or 'schema mismatch: column "amount" is of type numeric'
        sink = f"{pipeline.destination_type}://writer:hunter2@warehouse.example.com/{pipeline.project}"
        return f"{stamp} INFO  worker started\n{stamp} ERROR sink {sink}: {reason}\n{stamp} FATAL worker exits\n"
    if number >= pipeline.ready:
        return "unable to upgrade connection: container not found"
    return f"{stamp} INFO  checkpoint committed\n{stamp} INFO  batch written records=512\n"


def metrics(pipeline: Pipeline, now: datetime) -> Json:
    """A snapshot. The counters start at 0 with each deployment."""
    working = pipeline.phase == "RUNNING" and pipeline.ready > 0
    seconds = (now - pipeline.start_time).total_seconds() if pipeline.start_time else 0.0
    consumed = int(seconds * 25 * pipeline.ready)
    backlog = pipeline.replicas - pipeline.ready
    return {
        "uid": pipeline.uid,
        "records_consumed": consumed,
        "last_offset": 1_000_000 + consumed,
        "last_block_height": 44_745_000 + int(seconds / 2),
        "pending_records": int(seconds * 25 * backlog),
        "processing_delay_ms": 180.0 if backlog == 0 else 60_000.0,
        "records_per_second": 25.0 * pipeline.ready if working else 0.0,
        "normalization_errors": 0,
    }


def destination_health(pipeline: Pipeline, now: datetime) -> Json:
    return {
        "healthy": pipeline.destination_error is None,
        "last_checked_at": timestamp(now),
        "latency_ms": 12.5 if pipeline.destination_error is None else 5000.0,
        "last_error": pipeline.destination_error,
    }


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
