"""The run of a bounded pipeline: its progress, the time left, and whether it reached its end. Pure.

Measurements are a few minutes apart. GoldRush has no phase for a finished run: STOPPED has to be judged by the height.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from bot.domain.catalogue import BlockRange
from bot.domain.measurement import Measurement

WINDOW = timedelta(hours=1)  # the pace comes from the latest hour
SHORTEST = timedelta(minutes=9)  # three measurements: a shorter time says little about the next hours
FEWEST = 3
FRESH = timedelta(minutes=20)  # an older measurement says nothing about the time left
MOST_UNEVEN = 3.0  # how many times faster one half of the window may be than the other
LONGEST = timedelta(days=30)
REORGANISED = 1000  # blocks: a chain that reorganises goes back by fewer, a worker that starts again by more
UNSEEN = timedelta(minutes=1)  # a worker may have gone on for so long after GoldRush's last measurement of it


class RunEnd(StrEnum):
    """How a run ended. The values are part of stored rows."""

    FINISHED = "finished"
    SHORT = "short"
    """It stopped before its last block, and nobody asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedRun:
    """How far a run is, by one measurement. The fields are stored in Redis, so a new field needs a default."""

    at: datetime
    """The time of the measurement."""
    height: int
    """The latest block that the pipeline has processed."""
    stop: int
    """The last block of the run."""
    start: int | None = None
    """The first one. None: unknown."""
    seconds_left: float | None = None
    """None: the pace is unknown or too uneven."""
    end: RunEnd | None = None
    """None: the run goes on, or nobody knows its end."""

    @property
    def percent(self) -> int | None:
        """Rounded down, so that 100 means the last block. None: the first block is unknown."""
        if self.start is None:
            return None
        done = (self.height - self.start) * 100 // (self.stop - self.start)
        return max(0, min(100, done))

    @property
    def place(self) -> str:
        """With the percentage if it is known: few runs begin at block 0, so the heights alone mislead."""
        done = "" if self.percent is None else f" ({self.percent} %)"
        return f"at block {self.height:,} of {self.stop:,}{done}"

    @property
    def ending(self) -> str:
        """Such as `finished at block 5,000` or `stopped at block 1,200 of 5,000 (5 %)`. Empty if nobody knows."""
        if self.end is None:
            return ""
        return f"stopped {self.place}" if self.is_short else f"finished at block {self.stop:,}"

    @property
    def is_short(self) -> bool:
        return self.end is RunEnd.SHORT


def progress(blocks: BlockRange, measured: Iterable[Measurement], at: datetime) -> BoundedRun | None:
    """How far the run is at that moment. None: no measurement names a height."""
    run = _latest_run(measured)
    if not run:
        return None
    last = run[-1]
    recent = [(moment, height) for moment, height in run if at - moment <= WINDOW]
    seconds_left = _seconds_left(recent, blocks.stop) if at - last[0] <= FRESH else None
    return _at(blocks, *last, seconds_left=seconds_left)


def ended(
    blocks: BlockRange,
    before: Iterable[Measurement],
    after: Measurement | None,
    *,
    live_since: datetime | None = None,
    uid: str | None = None,
) -> BoundedRun | None:
    """How the run of a stopped pipeline ended. None: the measurements don't tell, and the bot does not guess.

    Args:
        before: measured while it ran.
        after: measured since it stopped. None: GoldRush has none any more.
        live_since: when its latest time live began. An earlier measurement may be of an earlier run.
        uid: of the worker that stopped. None: unknown.
    """
    ours = [one for one in before if _is_of(one, uid) and (live_since is None or one.at >= live_since)]
    run = _latest_run(ours)
    if after and not _is_of(after, uid):
        after = None
    height = after.last_block_height if after else None
    if after and height is not None and height >= blocks.stop:
        return _at(blocks, after.at, height, end=RunEnd.FINISHED)
    goes_on = height is not None and bool(run) and run[-1][1] - height <= REORGANISED
    began_again = bool(run) and not goes_on and _is_at_work(after, blocks)
    reached = next((one for one in run if one[1] >= blocks.stop), None)
    if reached and not began_again:
        return _at(blocks, *reached, end=RunEnd.FINISHED)
    pace = _pace(run)
    if after is None or height is None or (pace and blocks.stop - height <= pace * UNSEEN.total_seconds()):
        return None
    if goes_on or (not run and _is_at_work(after, blocks)):
        return _at(blocks, after.at, height, end=RunEnd.SHORT)
    return None


def _is_at_work(measurement: Measurement | None, blocks: BlockRange) -> bool:
    """True if the worker has processed something. The height of a new worker says nothing about the one before."""
    if measurement is None or not measurement.last_block_height or measurement.records_consumed == 0:
        return False
    return blocks.start is None or measurement.last_block_height >= blocks.start


def _at(
    blocks: BlockRange, at: datetime, height: int, *, seconds_left: float | None = None, end: RunEnd | None = None
) -> BoundedRun:
    return BoundedRun(at=at, height=height, stop=blocks.stop, start=blocks.start, seconds_left=seconds_left, end=end)


def _is_of(measurement: Measurement, uid: str | None) -> bool:
    return uid is None or measurement.uid is None or measurement.uid == uid


def _time(measurement: Measurement) -> datetime:
    return measurement.at


def _latest_run(measured: Iterable[Measurement]) -> list[tuple[datetime, int]]:
    """The heights since the worker last began again, oldest first."""
    in_order = sorted((one for one in measured if one.last_block_height is not None), key=_time)
    begins = [place for place, pair in enumerate(pairwise(in_order), 1) if _is_another_run(*pair)]
    latest = in_order[begins[-1] if begins else 0 :]
    return [(one.at, one.last_block_height) for one in latest if one.last_block_height is not None]


def _is_another_run(earlier: Measurement, later: Measurement) -> bool:
    """True if the worker began again in between. A chain that reorganises only takes some blocks back."""
    if earlier.uid and later.uid and earlier.uid != later.uid:
        return True
    if None not in (earlier.records_consumed, later.records_consumed):
        return (later.records_consumed or 0) < (earlier.records_consumed or 0)
    return (earlier.last_block_height or 0) - (later.last_block_height or 0) > REORGANISED


def _seconds_left(heights: Sequence[tuple[datetime, int]], stop: int) -> float | None:
    """By the pace of these heights. None rather than a wild guess."""
    if len(heights) < FEWEST or heights[-1][0] - heights[0][0] < SHORTEST:
        return None
    middle = len(heights) // 2
    paces = [_pace(part) for part in (heights[: middle + 1], heights[middle:])]
    slower, faster = sorted(pace or 0.0 for pace in paces)
    pace = _pace(heights)
    if not pace or slower <= 0.0 or faster > MOST_UNEVEN * slower:
        return None
    seconds = max(0, stop - heights[-1][1]) / pace
    return seconds if seconds <= LONGEST.total_seconds() else None


def _pace(heights: Sequence[tuple[datetime, int]]) -> float | None:
    """Blocks a second. None: there is no time between the first height and the last one."""
    if len(heights) < 2:
        return None
    (since, low), (until, high) = heights[0], heights[-1]
    seconds = (until - since).total_seconds()
    return (high - low) / seconds if seconds > 0 else None
