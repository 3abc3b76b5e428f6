"""GoldRush's measurements of a pipeline, and its probe of the destination, as data.

Sources: https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline-metrics/ and
https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline-destination-health/ . Any field may be absent.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One snapshot of the metrics. Counters count since the worker started, so a restart resets them."""

    at: datetime
    uid: str | None = None
    records_consumed: int | None = None
    last_offset: int | None = None
    last_block_height: int | None = None
    pending_records: int | None = None
    """Read, and not yet written."""
    processing_delay_ms: float | None = None
    """From the source to the destination."""
    records_per_second: float | None = None
    normalization_errors: int | None = None
    """Records that GoldRush dropped because it could not decode them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationHealth:
    """GoldRush's latest probe of a destination."""

    healthy: bool | None = None
    checked_at: datetime | None = None
    latency_ms: float | None = None
    last_error: str = ""
    """Text of the destination: it may hold secrets."""
