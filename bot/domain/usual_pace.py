"""How a pipeline usually moves, learned from its measurements. Pure.

Moving means that the height, the records or the offset grow. A pipeline with a sparse filter moves in its heights. One
that writes a nightly batch stands still for most of the day, and learns so.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.chains import Chain
from bot.domain.measurement import Measurement

LEARNING = timedelta(days=1)
FIRST_WEEK = timedelta(days=8)
"""Until then a pipeline may have rests that the bot has not seen. The eighth day completes a weekend that the first
day cut."""
STEADY = 0.9  # of its measurements: a pipeline that moved in as many does not rest
REMEMBERED_DAYS = 14  # two weekends: a stall may hide one of them
LEAST_STANDSTILL = 900.0  # seconds: a shorter one is never reported
HABIT_SECONDS = 12 * 3600.0  # a stall that lasts longer and ends by itself was a habit, such as a weekend
FRIDAY_NOON, WEEKEND = timedelta(days=4, hours=12), timedelta(days=3)
TIMES_LONGEST = 2.0
EXPECTED_BLOCKS = 5.0
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
        """As that of `PipelineFinding`."""
        return bool(self.chain_seconds and self.chain_seconds >= self.seconds / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualPace:
    """The learned pace of one pipeline. Stored, so a new field needs a default."""

    since: datetime
    """The first measurement. The time of a stall moves it on, since a stall teaches nothing about rests."""
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
    worker_seconds: float = 0.0
    """The part of `still_seconds` since the latest restart: a new worker gets some time before it counts as stalled."""
    still_since: datetime | None = None
    """The last measurement that had moved, or the first of all."""
    longest: tuple[tuple[int, float], ...] = ()
    """The longest standstill that ended on each day (its ordinal), for the last days that had one."""
    doubtful: tuple[int, float] | None = None
    """The day and the length of the last reported stall that ended by itself. It is a habit only if it repeats."""
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

    lag: Lag | None = None
    """At the latest measurement. None: unknown, or it rests as usual."""

    @property
    def is_steady(self) -> bool:
        """True if it hardly ever rested before it stood still."""
        others = self.measured - 1 - self.still_times
        return 0 < others * STEADY <= self.moved

    @property
    def is_learning(self) -> bool:
        """True on the first day."""
        return self.last.at - self.since < LEARNING

    @property
    def first_week_ends(self) -> datetime:
        return self.since + FIRST_WEEK

    @property
    def longest_standstill(self) -> float:
        return max((seconds for _, seconds in self.longest), default=0.0)

    @property
    def habitual_standstill(self) -> float:
        """Seconds: the longest one of a pipeline that rests on most days, else 0."""
        days = min(REMEMBERED_DAYS, self.last.at.toordinal() - self.since.toordinal() + 1)
        return self.longest_standstill if len(self.longest) * 2 >= days else 0.0

    @property
    def usual_rest(self) -> float:
        """Seconds. A rest by chance may be the longest so far."""
        return TIMES_LONGEST * self.longest_standstill

    @property
    def possible_rest(self) -> float:
        """Seconds for which it may rest, although it may never have rested for so long."""
        return self._possible_rest(least=0.0)

    @property
    def allowed_standstill(self) -> float:
        """Seconds. A longer one is a stall."""
        return self._possible_rest(least=LEAST_STANDSTILL)

    def _possible_rest(self, least: float) -> float:
        """In the first week a pipeline that rests may do so for half a day, and the weekend doesn't count."""
        rest = max(least, self.usual_rest)
        if self.last.at >= self.first_week_ends:
            return rest
        rest = rest if self.is_steady else max(rest, HABIT_SECONDS)
        return rest + _weekend_seconds(self.last.at, self.still_seconds)

    @property
    def has_new_rest(self) -> bool:
        """True if it always moved, and now stands still on its first weekend: this may be a rest or a stall."""
        is_longer = self.still_seconds > max(LEAST_STANDSTILL, self.usual_rest)
        return is_longer and self.is_steady and not self.is_learning


def follow(pace: UsualPace, now: Measurement, chain: Chain | None, deployed_at: datetime | None = None) -> UsualPace:
    """The pace after one more measurement, which is newer than the last. `deployed_at`: the latest deployment."""
    seconds = (now.at - pace.last.at).total_seconds()
    after = replace(pace, last=_known(pace.last, now), chain=chain or pace.chain, measured=pace.measured + 1)
    if pace.stalled:
        after = replace(after, since=pace.since + (now.at - pace.last.at))
    rest = 0.0 if pace.stalled else pace.still_seconds  # a stall that a restart may end is no habit
    after_restart = replace(after, still_seconds=rest, worker_seconds=0.0, still_times=0)
    if deployed_at and deployed_at > pace.last.at:
        return replace(after_restart, still_since=now.at, stalled=False, lags=(), over=())
    if restarted(pace.last, now):
        # A stalled pipeline still is, until it moves. Another gets its usual time from the restart on.
        return replace(after_restart, still_since=pace.still_since if pace.stalled else now.at)
    if has_moved(pace.last, now):
        return _moved(after, pace, now.at, min(seconds, LEAST_STANDSTILL) / 2)
    passed = 0.0 if _stood_still(pace.chain, chain) or _is_at_the_head(now, chain) else seconds
    after = replace(
        after,
        still_seconds=pace.still_seconds + passed,
        worker_seconds=pace.worker_seconds + passed,
        still_times=pace.still_times + 1,
        still_since=pace.still_since or pace.last.at,
    )
    if after.is_learning:
        return _with_standstill(after, now.at, after.still_seconds)
    had_its_time = after.still_times >= TIMES_IN_A_ROW and after.worker_seconds > LEAST_STANDSTILL
    too_long = had_its_time and after.still_seconds > after.allowed_standstill
    return replace(after, stalled=after.moved > 0 and (after.stalled or too_long))


def _moved(after: UsualPace, before: UsualPace, at: datetime, half: float) -> UsualPace:
    """It moves again. What it did before is a habit, unless it was or may have been a stall, or a restart helped."""
    after = replace(
        after,
        moved=before.moved + 1,
        still_seconds=0.0,
        worker_seconds=0.0,
        still_times=0,
        still_since=at,
        stalled=False,
    )
    standstill = before.still_seconds
    if before.still_times < 1 or standstill == 0.0:
        return after
    if not before.stalled and not before.has_new_rest:
        return _with_standstill(after, at, standstill + half)
    if standstill >= HABIT_SECONDS:
        return _with_standstill(after, at, standstill + half)
    repeats = before.doubtful is not None and before.doubtful[0] > at.toordinal() - REMEMBERED_DAYS
    if before.doubtful and repeats and standstill * 2 >= before.doubtful[1]:
        return _with_standstill(after, at, standstill + half)
    return replace(after, doubtful=(at.toordinal(), standstill))


def _weekend_seconds(at: datetime, seconds: float) -> float:
    """The part of the last `seconds` in which it was weekend somewhere: from Friday noon to Monday noon UTC."""
    of_week = timedelta(days=at.weekday(), hours=at.hour, minutes=at.minute, seconds=at.second)
    since_friday = ((of_week - FRIDAY_NOON) % timedelta(days=7)).total_seconds()
    since_monday = max(0.0, since_friday - WEEKEND.total_seconds())
    return max(0.0, min(seconds, since_friday) - since_monday)


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


def _is_at_the_head(now: Measurement, chain: Chain | None) -> bool:
    """True if there is no block that it could read."""
    return chain is not None and now.last_block_height is not None and now.last_block_height >= chain.height


def _stood_still(before: Chain | None, now: Chain | None) -> bool:
    """True only if GoldRush told the same height twice, in a time in which the chain usually makes blocks."""
    if before is None or now is None or before.height != now.height:
        return False
    expected = (now.blocks_per_second or 0.0) * (now.at - before.at).total_seconds()
    return expected >= EXPECTED_BLOCKS or now.late_seconds > 0


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
