"""Earlier failures with the same error, by its fingerprint. Pure.

A destination that is down fails many pipelines at once, and some of them again and again. All failures with one error
within an hour are one occurrence of it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.observation import PipelineId

ONE_OCCURRENCE = timedelta(hours=1)
KEPT_FOR_DAYS = timedelta(days=90)
MOST_OCCURRENCES = 20  # of one error
MOST_ERRORS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One failure with the error, and all others within an hour of it."""

    pipeline_id: PipelineId
    name: str
    """The pipeline's name at that time."""
    began_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorHistory:
    """The occurrences of one error, oldest first. A row of Redis."""

    occurrences: tuple[Occurrence, ...] = ()

    @property
    def latest_at(self) -> datetime:
        return max((occurrence.began_at for occurrence in self.occurrences), default=datetime.min.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBefore:
    """The latest earlier occurrence, and how it went. A part of stored rows."""

    pipeline_id: PipelineId
    name: str = ""
    """The pipeline's name then. Empty: it is the one that failed now."""
    at: datetime
    occurrences: int = 1
    """How many earlier ones the bot knows."""
    acknowledged_by: str = ""
    """Plain text. Empty: nobody, or it is not known."""
    recovered_after: timedelta | None = None
    """None: it did not recover, or it is not known."""


def with_occurrence(known: ErrorHistory | None, failure: Occurrence) -> ErrorHistory:
    """The history with this failure. The same one if an occurrence has it. Any order does no harm."""
    occurrences = known.occurrences if known else ()
    if known and any(abs(occurrence.began_at - failure.began_at) < ONE_OCCURRENCE for occurrence in occurrences):
        return known
    by_time = sorted((*occurrences, failure), key=lambda occurrence: occurrence.began_at)
    fresh = [occurrence for occurrence in by_time if by_time[-1].began_at - occurrence.began_at < KEPT_FOR_DAYS]
    return ErrorHistory(occurrences=tuple(fresh[-MOST_OCCURRENCES:]))


def seen_before(known: ErrorHistory | None, failure: Occurrence) -> SeenBefore | None:
    """The latest occurrence before that of this failure. None: the error is new."""
    earliest, latest = failure.began_at - KEPT_FOR_DAYS, failure.began_at - ONE_OCCURRENCE
    earlier = [
        occurrence for occurrence in (known.occurrences if known else ()) if earliest <= occurrence.began_at <= latest
    ]
    if not earlier:
        return None
    last = earlier[-1]
    name = last.name if last.pipeline_id != failure.pipeline_id else ""
    return SeenBefore(pipeline_id=last.pipeline_id, name=name, at=last.began_at, occurrences=len(earlier))
