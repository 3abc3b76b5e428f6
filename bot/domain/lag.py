"""Finds out whether a pipeline lags behind its chain or stands still, from its measurements. Pure.

A lag counts if it is above a threshold twice in a row and doesn't shrink; it is over at half of that. A pipeline that
rests as it usually does is not behind.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.chains import Chain
from bot.domain.measurement import Measurement
from bot.domain.usual_pace import TIMES_IN_A_ROW, Lag, UsualPace, follow, says_whether_it_moves

ON_TIME = 300.0  # seconds: a pipeline with a smaller lag has caught up with its chain
KEPT_LAGS = 2
LONGEST = 20 * 365 * 86_400.0  # seconds: a longer lag is older than any chain, such as one that counts from 1970
OVER = 0.5  # of the threshold: a lag below it has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the measurements say about a pipeline now."""

    lag: Lag | None
    """As just measured. None: unknown, or the pipeline rests as usual."""
    over: tuple[int, ...]
    """The thresholds, in seconds, over which it lags."""
    stalled_since: datetime | None
    """When it last moved. None: it is not stalled."""
    is_own: bool = False
    """Twice in a row, its own part of the lag was over a threshold, and it doesn't shrink."""


def judge(
    pace: UsualPace | None,
    now: Measurement,
    chain: Chain | None,
    thresholds: Collection[int],
    *,
    deployed_at: datetime | None = None,
    bounded: bool = False,
) -> tuple[UsualPace, Judgement]:
    """The pace with this measurement, and what follows. Ignores one that is not newer than the last.

    `thresholds`: of all watches, in seconds. `deployed_at`: the latest deployment. The judgement begins again there.
    A bounded pipeline reads the past, so it never lags.
    """
    before = pace.last if pace else now
    if pace is None:
        pace = UsualPace(since=now.at, last=now, chain=chain, still_since=now.at)
    elif now.at <= pace.last.at:
        return pace, _judgement(pace, lag=None)
    elif says_whether_it_moves(now):
        pace = follow(pace, now, chain, deployed_at) if says_whether_it_moves(before) else replace(pace, last=now)
    rests = _rests(pace)
    left_behind = rests and _is_left_behind(pace, before)
    lag = None if bounded else measured_lag(now, chain)
    if lag is not None and rests and not left_behind:
        lag = replace(lag, seconds=lag.chain_seconds, blocks=None) if lag.chain_seconds else None
    pace = replace(_with_lag(pace, lag, thresholds, rest=0.0 if left_behind else pace.habitual_standstill), lag=lag)
    return pace, _judgement(pace, lag=lag)


def _judgement(pace: UsualPace, *, lag: Lag | None) -> Judgement:
    stalled_since = pace.still_since if pace.stalled else None
    return Judgement(lag=lag, over=pace.over, stalled_since=stalled_since, is_own=_is_own(pace))


def _is_own(pace: UsualPace) -> bool:
    if len(pace.lags) < KEPT_LAGS or not pace.over:
        return False
    own = [lag.seconds - (lag.chain_seconds or 0.0) for lag in pace.lags]
    return min(own) > min(pace.over) and not _shrinks(*pace.lags)


def measured_lag(now: Measurement, chain: Chain | None) -> Lag | None:
    """Counts in blocks where GoldRush tells the height of the chain, else takes the delay that the pipeline reports."""
    if chain is not None and now.last_block_height is not None:
        blocks = max(0, chain.height_at(now.at) - now.last_block_height)
        own = _seconds_behind(blocks, chain)
        if own is not None and own <= LONGEST:
            late = chain.late_seconds
            return Lag(seconds=own + late, blocks=blocks, chain=chain.name, chain_seconds=late)
    if now.processing_delay_ms is None or now.processing_delay_ms > LONGEST * 1000:
        return None
    return Lag(seconds=now.processing_delay_ms / 1000)


def _seconds_behind(blocks: int, chain: Chain) -> float | None:
    """The age of the first unread block. On a slow chain, the newest block may be a moment old."""
    if blocks == 0:
        return 0.0
    before, gap = chain.seconds_for(blocks - 1), chain.seconds_for(1)
    if before is None or gap is None:
        return None
    newest = (chain.at - chain.signed_at).total_seconds() if chain.signed_at else gap
    return before + min(max(newest, 0.0), gap)


def _rests(pace: UsualPace) -> bool:
    """True for a standstill of possible length. On the first day, any length is possible."""
    if not pace.still_times:
        return False
    return pace.is_learning or (pace.moved > 0 and pace.still_seconds <= pace.possible_rest)


def _is_left_behind(pace: UsualPace, before: Measurement) -> bool:
    """True while a steady pipeline rests for longer than it ever did, and the delay that GoldRush reports grows: data
    waits for it."""
    if pace.still_seconds <= pace.usual_rest and not pace.is_learning:
        return False
    delay, delay_before = pace.last.processing_delay_ms, before.processing_delay_ms
    grows = delay is not None and delay_before is not None and delay > delay_before
    return grows and pace.still_times >= TIMES_IN_A_ROW and pace.is_steady


def _with_lag(pace: UsualPace, lag: Lag | None, thresholds: Collection[int], *, rest: float) -> UsualPace:
    """`rest`: seconds for which it usually stands still."""
    open_ = {threshold for threshold in pace.over if threshold in thresholds}
    if lag is None:
        return replace(pace, over=tuple(sorted(open_)))
    before = pace.lags[-1] if pace.lags else None
    first = lag.seconds if pace.first_lag is None else pace.first_lag
    for threshold in thresholds:
        if threshold in open_:
            if before and max(lag.seconds, before.seconds) < threshold * OVER:
                open_.remove(threshold)
        elif before and _begins(pace, before, lag, threshold + rest, first + threshold):
            open_.add(threshold)
    return replace(
        pace,
        lags=(*pace.lags, lag)[-KEPT_LAGS:],
        first_lag=first,
        was_on_time=pace.was_on_time or lag.seconds < ON_TIME,
        over=tuple(sorted(open_)),
    )


def _shrinks(before: Lag, lag: Lag) -> bool:
    """Fewer blocks count too: a new estimate of the chain's pace is no news."""
    has_fewer_blocks = before.blocks is not None and lag.blocks is not None and lag.blocks < before.blocks
    return lag.seconds < before.seconds or has_fewer_blocks


def _begins(pace: UsualPace, before: Lag, lag: Lag, least: float, further: float) -> bool:
    """A lag that shrinks is being caught up: nobody needs to know. Its last block may be as old as its usual rest."""
    grows = min(before.seconds, lag.seconds) > least and not _shrinks(before, lag)
    return grows and (pace.was_on_time or lag.seconds > further)
