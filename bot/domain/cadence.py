"""How often the bot reads a pipeline: shares the budget so that failures are found as early as possible. Pure.

Reading pipeline i every p_i seconds finds its failures p_i / 2 late on average. For failure rates h_i and a budget of B
reads a second, the sum of h_i · p_i is least if 1 / p_i is proportional to √h_i.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from math import ceil
from typing import NamedTuple

from bot.domain.phase import AT_REST, TRANSIENT, Phase
from bot.domain.transition import PipelineState, Reach

RETRY_SECONDS = 1.0  # one early retry costs less than being late by a whole period
RETRY_SHARE = 0.1  # of the budget
TRANSIENT_SHARE = 0.4  # of the budget, or the even share if that is more
LEAST_SHARE = 0.1  # of the budget, for the others
PROMISED_AT_LEAST_SECONDS = 60.0
PROMISED_PERIODS = 3.0  # of even polling
SLOW_PERIOD_SECONDS = 90.0  # of even polling; a larger budget would clearly help


class EvenPolling(NamedTuple):
    """A fleet that shares the budget evenly."""

    pipelines: int
    requests_per_second: float

    @property
    def period_seconds(self) -> float:
        return self.pipelines / self.requests_per_second

    @property
    def is_slow(self) -> bool:
        return self.period_seconds > SLOW_PERIOD_SECONDS

    @property
    def sufficient_rate(self) -> int:
        """The requests a second that read each pipeline every 60 s."""
        return ceil(self.pipelines / PROMISED_AT_LEAST_SECONDS)


class Pace(IntEnum):
    """The reason for a pipeline's period. The most urgent comes first."""

    RETRY = 0
    TRANSIENT = 1
    STEADY = 2
    AT_REST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """The wanted periods in seconds. A failure counts as fresh for `fresh_failure_seconds`."""

    steady_seconds: float = 5.0
    """The shortest period of a steady pipeline. The budget decides how much longer it gets."""
    transient_seconds: float = 3.0
    at_rest_seconds: float = 60.0
    fresh_failure_seconds: float = 120.0
    promised_seconds: float | None = None
    """The greatest age of a reading. None: the bot chooses it by the number of pipelines."""

    def promised(self, pipelines: int, requests_per_second: float) -> float:
        """The greatest age of a reading, in seconds, that the bot promises for a fleet of this size."""
        if self.promised_seconds is not None:
            return self.promised_seconds
        return max(PROMISED_AT_LEAST_SECONDS, PROMISED_PERIODS * pipelines / requests_per_second)

    def promised_at(self, pace: Pace, promised: float) -> float:
        """The greatest age of a pipeline's reading, if `promised` seconds apply to the fleet."""
        return max(promised, self.at_rest_seconds) if pace is Pace.AT_REST else promised


def pace(state: PipelineState, now: datetime, cadence: Cadence) -> Pace:
    """The pace of a pipeline in this state."""
    observation = state.observation
    if state.failed_reads == 1:
        return Pace.RETRY
    if observation is None or state.reach is not Reach.REACHABLE:
        return Pace.STEADY
    if observation.phase is Phase.RUNNING:
        return Pace.TRANSIENT if observation.degraded else Pace.STEADY
    if observation.phase in TRANSIENT:
        return Pace.TRANSIENT
    if state.fails and state.failed_since is not None:
        fresh = (now - state.failed_since).total_seconds() < cadence.fresh_failure_seconds
        return Pace.TRANSIENT if fresh else Pace.STEADY
    return Pace.AT_REST if observation.phase in AT_REST else Pace.STEADY


class Band(NamedTuple):
    """Pipelines that share one period."""

    number: int
    weight: float
    """Proportional to √h."""
    shortest: float
    longest: float


def share(bands: Sequence[Band], rate: float) -> list[float]:
    """The period of each band, in seconds, so that all together cost `rate` reads a second.

    Each period is μ / weight, within its limits. They cost less only if all are at their shortest. If the rate can't
    pay for the longest ones, all of these are stretched alike.
    """
    if not bands:
        return []
    cheapest = sum(band.number / band.longest for band in bands)
    if rate <= cheapest:
        return [band.longest * cheapest / rate for band in bands]
    scale = _scale(bands, rate)
    return [min(max(scale / band.weight, band.shortest), band.longest) for band in bands]


def _scale(bands: Sequence[Band], rate: float) -> float:
    """μ. From small to large μ, bands leave their shortest period and then reach their longest one."""
    leaves = [(band.shortest * band.weight, -band.number / band.shortest, band.number * band.weight) for band in bands]
    arrives = [(band.longest * band.weight, band.number / band.longest, -band.number * band.weight) for band in bands]
    limited = sum(band.number / band.shortest for band in bands)  # reads a second of the bands at a limit
    free = 0.0  # the others cost free / μ
    scale = 0.0
    for turn, change_of_limited, change_of_free in sorted([*leaves, *arrives]):
        if free > 0 and limited + free / turn <= rate:
            return free / (rate - limited)
        if limited + free / turn <= rate:
            return turn
        scale, limited, free = turn, limited + change_of_limited, max(0.0, free + change_of_free)
    return scale


class Key(NamedTuple):
    """Pipelines with the same key share a period. `step`: the learned failure rate, in steps of `STEP`."""

    pace: Pace
    step: int = 0


class Periods(NamedTuple):
    """The period of each key in seconds, and whether the rate pays for the promised age of readings."""

    of: Mapping[Key, float]
    affordable: bool


def periods(
    counts: Mapping[Key, int], weights: Mapping[Key, float], rate: float, cadence: Cadence, promised: float
) -> Periods:
    """Shares `rate` reads a second among pipelines, counted by key.

    Retries and transient pipelines come first, up to their shares. All others share the rest by their weights. What
    nobody needs goes to the pipelines at rest, and then to the transient ones.
    """
    fixed = {key: _urgent(key.pace, count, sum(counts.values()), rate, cadence) for key, count in counts.items()}
    urgent = {key: seconds for key, seconds in fixed.items() if seconds is not None}
    others = [key for key in counts if key not in urgent]
    spent = sum(counts[key] / seconds for key, seconds in urgent.items())
    left = max(rate - spent, rate * LEAST_SHARE)
    bands = [_band(key, counts[key], weights[key], cadence, promised) for key in others]
    if left > sum(band.number / band.shortest for band in bands):
        bands = [band._replace(shortest=min(band.shortest, cadence.steady_seconds)) for band in bands]
    of = dict(zip(others, share(bands, left), strict=True))
    affordable = left >= sum(band.number / band.longest for band in bands) - 1e-9
    unused = max(0.0, rate - spent - sum(counts[key] / seconds for key, seconds in of.items()))
    for key, seconds in urgent.items():
        cost = counts[key] / seconds
        least = RETRY_SECONDS if key.pace is Pace.RETRY else cadence.transient_seconds
        urgent[key] = max(least, counts[key] / (cost + unused))
        unused -= counts[key] / urgent[key] - cost
    return Periods({**of, **urgent}, affordable)


def _urgent(pace: Pace, count: int, fleet: int, rate: float, cadence: Cadence) -> float | None:
    """The period of a pace with a share of its own; None for the others."""
    if pace is Pace.RETRY:
        return max(RETRY_SECONDS, count / (RETRY_SHARE * rate))
    if pace is Pace.TRANSIENT:
        return max(cadence.transient_seconds, min(count / (TRANSIENT_SHARE * rate), fleet / rate))
    return None


def _band(key: Key, count: int, weight: float, cadence: Cadence, promised: float) -> Band:
    shortest = cadence.steady_seconds
    if key.pace is Pace.AT_REST:
        shortest = max(shortest, cadence.at_rest_seconds)
    return Band(count, weight, shortest, max(shortest, cadence.promised_at(key.pace, promised)))
