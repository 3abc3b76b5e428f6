"""What a pipeline's workers do: heights, offsets and counters that move with time and the phase.

Assumptions, since GoldRush publishes none: the counters of a worker start at 0 with each deployment; height and offset
are committed, so they outlive it; without a running worker nothing moves.
"""

from dataclasses import dataclass, replace
from datetime import datetime

CATCHING_UP = 5.0  # how many times faster than its chain a pipeline is that has fallen behind
BACKFILL_BLOCKS_PER_SECOND = 20.0
MOST_PENDING = 48_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The chain that a pipeline reads, as far as its movement depends on it."""

    head: int
    """The newest block at GoldRush; of a bounded pipeline, its last block."""
    block_seconds: float
    bounded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The counters at the time `at`."""

    at: datetime
    height: float
    records_per_block: float
    offset: float = 0.0
    consumed: float = 0.0
    """Records since the worker started."""

    def later(self, now: datetime, source: Source, pace: float) -> "Work":
        """The counters at `now`, if the workers have run since. `pace` 1 keeps up; below 1 they fall behind."""
        seconds = max(0.0, (now - self.at).total_seconds())
        if source.bounded:
            speed = BACKFILL_BLOCKS_PER_SECOND * pace
        else:
            speed = (CATCHING_UP if pace >= 1 else pace) / source.block_seconds
        height = max(self.height, min(source.head, self.height + seconds * speed))
        records = (height - self.height) * self.records_per_block
        return replace(self, at=now, height=height, offset=self.offset + records, consumed=self.consumed + records)

    def idle(self, now: datetime) -> "Work":
        return replace(self, at=now)

    def restarted(self) -> "Work":
        """A new worker counts from 0, and goes on at the committed offset."""
        return replace(self, consumed=0.0)
