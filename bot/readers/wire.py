"""The form of batches and results on their way through Redis: compact JSON, and never the ServiceKey."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Self

from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.ports.pipeline_api import (
    ApiError,
    Forbidden,
    Malformed,
    NotFound,
    Status,
    StrayNotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)
from bot.ports.reads import ReadRequest, ReadResult, Unread

TASK = "read"
"""The name of the task in Taskiq."""
FORM = 2
"""The version of this form. It is part of the stream's name, so a reader gets only batches that it understands."""

_ERRORS: Mapping[str, type[ApiError]] = {
    error.__name__: error
    for error in (Unauthorized, Forbidden, NotFound, Throttled, Unavailable, Malformed, StrayNotFound)
}


def source_of(url: str, service_key: str) -> str:
    """A short name for what a process reads: an address with a key. Readers get batches of their own source only."""
    return f"{FORM}-{sha256(f'{url} {service_key}'.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Pipelines for one reader to read."""

    number: int
    """Names the batch among those of its scheduler."""
    results: str
    """The key in Redis for the results."""
    until: float
    """When the scheduler stops waiting for results, in seconds since 1970 by the workspace's clock."""
    begin_by: float
    """The latest begin of a read, by the same clock. The budget paid for these reads when the scheduler sent them."""
    spacing: float
    """The least seconds between two reads of all readers together."""
    pipelines: Sequence[PipelineId]

    @property
    def arguments(self) -> tuple[object, ...]:
        """The arguments of the task."""
        return self.number, self.results, self.until, self.begin_by, self.spacing, list(self.pipelines)

    @classmethod
    def of(cls, arguments: Sequence[object]) -> Self:
        """
        Raises:
            ValueError: these are not the arguments of a batch.
        """
        match arguments:
            case [int(number), str(results), float(until), float(begin_by), float(spacing), list(pipelines)]:
                ids = [PipelineId(str(pipeline)) for pipeline in pipelines]
                return cls(
                    number=number, results=results, until=until, begin_by=begin_by, spacing=spacing, pipelines=ids
                )
            case _:
                raise ValueError("no batch")


# One result, as JSON: index in the batch, time, then a status (phase, replicas, ready, uid, start_time)
# or an error (class, text, Retry-After, text for people). The index alone: no reader could begin this read in time.
ResultEntry = list[object]


def result_entry(index: int, result: ReadResult | Unread) -> ResultEntry:
    if isinstance(result, Unread):
        return [index]
    at, outcome = result.at.timestamp(), result.outcome
    if isinstance(outcome, Status):
        start = outcome.start_time.isoformat() if outcome.start_time else None
        return [index, at, outcome.phase.value, outcome.replicas, outcome.ready, outcome.uid, start]
    return [index, at, _kind_of(outcome), str(outcome), outcome.retry_after, outcome.plain]


def _kind_of(error: ApiError) -> str:
    """The nearest class that a reader of results knows."""
    return next(kind.__name__ for kind in (*type(error).__mro__, Unavailable) if kind.__name__ in _ERRORS)


def encode_results(number: int, entries: Iterable[ResultEntry]) -> str:
    return json.dumps([number, *entries], separators=(",", ":"))


def decode_results(text: bytes) -> tuple[int, Sequence[ResultEntry]]:
    """The number of a batch and its entries.

    Raises:
        ValueError: the text is damaged.
    """
    answer = json.loads(text)
    if not (isinstance(answer, list) and answer and isinstance(answer[0], int)):
        raise ValueError("no results")
    return answer[0], answer[1:]


def read_result(entry: ResultEntry, requests: Sequence[ReadRequest]) -> tuple[int, ReadResult | Unread]:
    """The index and the result of one entry.

    Raises:
        ValueError: the entry is damaged.
    """
    index, outcome, at = _decoded(entry)
    if not 0 <= index < len(requests):
        raise ValueError("no such request")
    if outcome is None:
        return index, Unread(request=requests[index])
    return index, ReadResult(request=requests[index], outcome=outcome, at=datetime.fromtimestamp(at, UTC))


def _decoded(entry: ResultEntry) -> tuple[int, Status | ApiError | None, float]:
    """Index, outcome and time. No outcome: the read did not begin in time."""
    match entry:
        case [int(index)]:
            return index, None, 0.0
        case [int(index), float(at), str(kind), str(text), retry_after, *rest] if kind in _ERRORS:
            wait = float(retry_after) if isinstance(retry_after, int | float) else None
            return index, _ERRORS[kind](text, wait, plain=str(rest[0]) if rest else ""), at
        case [int(index), float(at), str(phase), int() | None as replicas, int() | None as ready, uid, start]:
            status = Status(
                phase=Phase(phase),
                replicas=replicas,
                ready=ready,
                uid=uid if isinstance(uid, str) else None,
                start_time=datetime.fromisoformat(start) if isinstance(start, str) else None,
            )
            return index, status, at
        case _:
            raise ValueError("no result")
