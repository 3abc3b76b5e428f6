"""The JSON answers of the Pipeline REST API: pure functions of a pipeline and the time.

Sources: the pages under https://goldrush.dev/docs/api-reference/pipeline-api/ . Every answer is an envelope of `data`,
`error`, `error_message` and `error_code` (a string).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sandbox import goldrush_logs
from sandbox.goldrush_chains import Chains
from sandbox.goldrush_pipelines import FIRST_BLOCK, LAST_BLOCK, Pipeline, hex27
from sandbox.goldrush_work import BACKFILL_BLOCKS_PER_SECOND, MOST_PENDING, Source, Work

Json = dict[str, Any]
PROBE_SECONDS = 30.0

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
    headers: Mapping[str, str] = field(default_factory=dict)


def encoded(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def success(data: Json) -> Answer:
    return Answer(200, {"data": data, "error": False, "error_message": None, "error_code": None})


def failure(status: int, message: str | None = None) -> Answer:
    message = message or MESSAGES[status]
    return Answer(status, {"data": None, "error": True, "error_message": message, "error_code": str(status)})


def with_headers(answer: Answer, headers: Mapping[str, str]) -> Answer:
    return replace(answer, headers=headers)


def without_data(answer: Answer) -> Answer:
    """As the Foundational API shows its errors."""
    return replace(answer, body={name: value for name, value in answer.body.items() if name != "data"})


def page(pipelines: Sequence[Pipeline], page_number: int, page_size: int, *, over_limit: bool = False) -> Json:
    """One page of the list; a page past the end is empty, not an error."""
    start = (page_number - 1) * page_size
    items = pipelines[start : start + page_size]
    return {
        "items": [configuration(pipeline, over_limit=over_limit) for pipeline in items],
        "pagination": _pagination(page_number, page_size, len(pipelines)),
    }


def configuration(pipeline: Pipeline, *, over_limit: bool = False) -> Json:
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
            "url": pipeline.destination_address,
            "user": "writer",
            "password": "******",
        },
        "transforms": {table: pipeline.query},
        "execution_mode": pipeline.execution_mode,
        "execution_start_from": str(FIRST_BLOCK) if bounded else "44745000",
        "execution_stop_from": str(LAST_BLOCK) if bounded else "",
        "abi_file": {},
        "abi_contract_addresses": [],
        "abi_unmatched": "",
        "status": pipeline.intent,
        "created_by": CREATOR,
        "group": GROUP | {"is_over_limit": over_limit},
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


def logs(pipeline: Pipeline, work: Work, now: datetime) -> Json:
    return {"uid": pipeline.uid, "pods": goldrush_logs.pods(pipeline, work, now)}


def metrics(pipeline: Pipeline, work: Work, source: Source, now: datetime) -> Json:
    """A snapshot. Without a running worker it stays as it was."""
    trouble = pipeline.trouble
    until = now if pipeline.works else work.at
    pending = 3 + _jitter(pipeline, now) % 40
    if trouble is not None and trouble.over is None and trouble.cause.retried:
        lasted = (until - trouble.since).total_seconds()
        pending = min(MOST_PENDING, int(lasted * work.records_per_block / source.block_seconds))
    elif pipeline.works:
        short = (pipeline.replicas - pipeline.ready) / max(1, pipeline.replicas)
        pending += int((now - pipeline.work.at).total_seconds() * work.records_per_block * short)
    behind = 0.0 if source.bounded else max(0.0, source.head - work.height) * source.block_seconds
    dropped = trouble.cause.dropped if trouble is not None and trouble.deployment == pipeline.deployments else 0
    return {
        "uid": pipeline.uid,
        "records_consumed": int(work.consumed),
        "last_offset": int(work.offset),
        "last_block_height": int(work.height),
        "pending_records": pending,
        "processing_delay_ms": 150.0 + _jitter(pipeline, now) + 1000 * round(behind),
        "records_per_second": _rate(pipeline, work, source),
        "normalization_errors": dropped + int(work.consumed / 1_000_000),
    }


def _rate(pipeline: Pipeline, work: Work, source: Source) -> float:
    if not pipeline.works or (source.bounded and work.height >= source.head):
        return 0.0
    per_block = BACKFILL_BLOCKS_PER_SECOND if source.bounded else 1 / source.block_seconds
    return round(work.records_per_block * per_block * min(1.0, pipeline.pace), 1)


def _jitter(pipeline: Pipeline, now: datetime) -> int:
    """0 to 99, another each few seconds, the same in each run."""
    return int(hex27(f"{pipeline.id} {now.timestamp() // 7}")[:6], 16) % 100


def destination_health(pipeline: Pipeline, now: datetime) -> Json:
    """The latest probe. Workers probe every 30 s, and nobody does without one: both are assumptions."""
    until = now if pipeline.phase in {"RUNNING", "DEPLOYING"} else pipeline.work.at
    seconds = PROBE_SECONDS * (until.timestamp() // PROBE_SECONDS)
    probed = datetime.fromtimestamp(seconds, UTC)
    trouble = pipeline.trouble
    error = trouble.cause.probe if trouble is not None and trouble.since <= probed and trouble.over is None else None
    return {
        "healthy": error is None,
        "last_checked_at": timestamp(probed),
        "latency_ms": 8.5 + _jitter(pipeline, probed) / 10 if error is None else 5000.0,
        "last_error": error,
    }


def chain_statuses(chains: Chains, number: int, size: int, now: datetime) -> Json:
    everything = chains.newest()
    start = (number - 1) * size
    return {
        "updated_at": timestamp(now),
        "items": [
            {
                "name": chain.name,
                "chain_id": chain.chain_id,
                "is_testnet": False,
                "logo_url": f"https://www.datocms-assets.com/86369/{chain.name}.svg",
                "is_appchain": False,
                "synced_block_height": height,
                "synced_blocked_signed_at": timestamp(signed_at),
                "has_data": True,
            }
            for chain, height, signed_at in everything[start : start + size]
        ],
        "pagination": _pagination(number, size, len(everything)),
    }


def _pagination(number: int, size: int, total: int) -> Json:
    return {"has_more": number * size < total, "page_number": number, "page_size": size, "total_count": total}


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
