"""How often the bot reads a pipeline."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.domain.observation import PipelineId
from bot.domain.phase import AT_REST, TRANSIENT, Phase
from bot.domain.transition import PipelineState, Reach

RETRY_SECONDS = 1.0  # one early retry costs less than being late by a whole period
SHARE_FOR_POLLING = 0.85  # the rest of the budget is for people's commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """Periods in seconds. A failure counts as fresh for `fresh_failure_seconds`."""

    steady_seconds: float = 15.0
    transient_seconds: float = 3.0
    at_rest_seconds: float = 60.0
    fresh_failure_seconds: float = 120.0


def period(state: PipelineState, now: datetime, cadence: Cadence) -> float:
    """Seconds between two reads of a pipeline in this state."""
    observation = state.observation
    if state.failed_reads == 1:
        return RETRY_SECONDS
    if observation is None or state.reach is not Reach.REACHABLE:
        return cadence.steady_seconds
    if observation.phase in TRANSIENT or observation.degraded:
        return cadence.transient_seconds
    if observation.phase == Phase.FAILED and state.failed_since is not None:
        fresh = (now - state.failed_since).total_seconds() < cadence.fresh_failure_seconds
        return cadence.transient_seconds if fresh else cadence.steady_seconds
    return cadence.at_rest_seconds if observation.phase in AT_REST else cadence.steady_seconds


def stretch(periods: Iterable[float], requests_per_second: float) -> float:
    """The factor (at least 1) that stretches all periods evenly, so that the polling fits its share of the budget."""
    demand = sum(1 / seconds for seconds in periods)
    return max(1.0, demand / (requests_per_second * SHARE_FOR_POLLING))


def offset(pipeline_id: PipelineId, seconds: float) -> float:
    """Where in its first period the bot reads a pipeline: spread over the fleet, and the same at each start."""
    share = int.from_bytes(hashlib.sha256(pipeline_id.encode()).digest()[:4]) / 2**32
    return share * seconds
