"""How a pipeline usually moves, learned from its measurements. Pure.

Moving means that the height, the records or the offset grow. A pipeline with a sparse filter moves in its heights. One
that writes a nightly batch stands still for most of the day, and learns so.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.chains import Chain
from bot.domain.measurement import Measurement

LEARNING = timedelta(hours=24)
LEARNING_OF_RARE = timedelta(days=7)
"""A pipeline that moves in less than half of its measurements may have a rhythm of a week."""
REMEMBERED_DAYS = 8  # so that a weekend is still known when the next one ends
LEAST_STANDSTILL = 900.0  # seconds: a shorter one is never reported
TIMES_LONGEST = 2.0
TIMES_IN_A_ROW = 2  # one equal measurement may be chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a pipeline is behind. Stored, so a new field needs a default."""

    seconds: float
    """In all: its own part, and that of GoldRush's sync of the chain."""
    blocks: int | None = None
    """Its own part. None: unknown, because `seconds` is the delay that the pipeline reports."""
    chain: str = ""
    """Empty: unknown."""
    chain_seconds: float | None = None
    """How far GoldRush itself is behind on the chain. None: unknown."""

    @property
    def is_of_the_chain(self) -> bool:
        """True if most of it is GoldRush's own delay on the chain: nothing to do about this pipeline."""
        return self.chain_seconds is not None and self.chain_seconds >= self.seconds / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualPace:
    """What is learned of one pipeline. Stored, so a new field needs a default."""

    since: datetime
    """The first measurement."""
    last: Measurement
    chain: Chain | None = None
    """Its chain, at the latest measurement that knew it."""
    measured: int = 1
    moved: int = 0
    """In how many measurements it had moved."""
    still_seconds: float = 0.0
    """How long it has stood still, without the time in which its chain stood still too."""
    still_times: int = 0
    """Equal measurements in a row."""
    still_since: datetime | None = None
    """The last measurement that had moved, or the first of all."""
    longest: tuple[tuple[int, float], ...] = ()
    """The longest standstill that ended on each day (its ordinal), for the last days that had one."""
    stalled: bool = False
    """The standstill is longer than usual."""
    lags: tuple[Lag, ...] = ()
    """The last two, the latest last."""
    first_lag: float | None = None
    """Seconds, at the first measurement of it."""
    was_on_time: bool = False
    """A new pipeline that reads the past is behind until then."""
    over: tuple[int, ...] = ()
    """The thresholds, in seconds, over which it lags."""

    @property
    def moves_often(self) -> bool:
        return self.moved * 2 >= self.measured - self.still_times

    def is_learning(self, at: datetime) -> bool:
        return at - self.since < (LEARNING if self.moves_often else LEARNING_OF_RARE)

    @property
    def longest_standstill(self) -> float:
        return max((seconds for _, seconds in self.longest), default=0.0)

    @property
    def allowed_standstill(self) -> float:
        """Seconds. A longer one is a stall."""
        return max(LEAST_STANDSTILL, TIMES_LONGEST * self.longest_standstill)


def follow(pace: UsualPace, now: Measurement, chain: Chain | None, deployed_at: datetime | None = None) -> UsualPace:
    """The pace after one more measurement, which is newer than the last. `deployed_at`: the latest deployment."""
    seconds = (now.at - pace.last.at).total_seconds()
    after = replace(pace, last=_known(pace.last, now), chain=chain or pace.chain, measured=pace.measured + 1)
    if deployed_at and deployed_at > pace.last.at:
        return replace(after, still_seconds=0.0, still_times=0, still_since=now.at, stalled=False, lags=(), over=())
    if restarted(pace.last, now):
        # A stalled pipeline still is, until it moves. Another gets its usual time from the restart on.
        since = pace.still_since if pace.stalled else now.at
        return replace(after, still_seconds=0.0, still_times=0, still_since=since)
    if has_moved(pace.last, now):
        # A stall that ended by a restart is no habit; one that ended by itself may be.
        standstill = pace.still_seconds + min(seconds, LEAST_STANDSTILL) / 2 if pace.still_times else 0.0
        after = replace(after, moved=pace.moved + 1, still_seconds=0.0, still_times=0, still_since=now.at)
        return replace(_with_standstill(after, now.at, standstill), stalled=False)
    still = pace.still_seconds + (0.0 if _stood_still(pace.chain, chain) else seconds)
    since = pace.still_since or pace.last.at
    after = replace(after, still_seconds=still, still_times=pace.still_times + 1, still_since=since)
    if after.is_learning(now.at):
        return _with_standstill(after, now.at, still)
    return _judged(after, now.at)


def _judged(pace: UsualPace, at: datetime) -> UsualPace:
    too_long = pace.still_times >= TIMES_IN_A_ROW and pace.still_seconds > pace.allowed_standstill
    return replace(pace, stalled=not pace.is_learning(at) and pace.moved > 0 and (pace.stalled or too_long))


def restarted(before: Measurement, now: Measurement) -> bool:
    """Another worker counts from zero."""
    other = bool(before.uid and now.uid) and before.uid != now.uid
    return other or _is_less(now.records_consumed, before.records_consumed)


def has_moved(before: Measurement, now: Measurement) -> bool:
    return (
        _is_less(before.last_block_height, now.last_block_height)
        or _is_less(before.records_consumed, now.records_consumed)
        or _is_less(before.last_offset, now.last_offset)
    )


def says_whether_it_moves(measurement: Measurement) -> bool:
    return measurement.last_block_height is not None and measurement.records_consumed is not None


def _stood_still(before: Chain | None, now: Chain | None) -> bool:
    """True only if GoldRush was asked twice and told the same height."""
    return before is not None and now is not None and before.at < now.at and before.height == now.height


def _is_less(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other


def _known(before: Measurement, now: Measurement) -> Measurement:
    """A worker that has just started may report no uid."""
    return now if now.uid else replace(now, uid=before.uid)


def _with_standstill(pace: UsualPace, at: datetime, seconds: float) -> UsualPace:
    day = at.toordinal()
    days = {one: longest for one, longest in pace.longest if one > day - REMEMBERED_DAYS}
    if seconds > days.get(day, 0.0):
        days[day] = seconds
    return replace(pace, longest=tuple(sorted(days.items())))
