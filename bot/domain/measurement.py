"""GoldRush's measurements of a pipeline, and its probe of the destination, as data.

Sources: https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline-metrics/ and
https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline-destination-health/ . Any field may be absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

HIGHEST = 10**12  # blocks: a chain with a thousand of them a second needs 30 years
MOST_BLOCKS_A_SECOND = 100_000  # of a worker that reads the past


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


def plausible(now: Measurement, before: Sequence[Measurement]) -> Measurement:
    """Without its height if no worker reads that fast. A worker may begin again at any earlier block.

    `before`: the measurements of the last hour, oldest first. So a height that stays counts after an hour at most.
    """
    known = next((one for one in reversed(before) if one.last_block_height is not None), None)
    if known is None or known.last_block_height is None or now.last_block_height is None:
        return now
    seconds = max(1.0, (now.at - known.at).total_seconds())
    jumps = now.last_block_height - known.last_block_height > MOST_BLOCKS_A_SECOND * seconds
    return replace(now, last_block_height=None) if jumps else now
