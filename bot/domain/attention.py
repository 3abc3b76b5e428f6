"""Which pipelines need attention, in which order, and the words for their states. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.answer import PipelineView
from bot.domain.phase import TRANSIENT, Phase
from bot.domain.transition import PipelineState, Reach

STUCK_AFTER = timedelta(minutes=15)


class StateFilter(StrEnum):
    """The words of `/pipeline status STATE` and `/pipeline list STATE`."""

    FAILED = "failed"
    UNREACHABLE = "unreachable"
    GONE = "gone"
    DEGRADED = "degraded"
    DEPLOYING = "deploying"
    RUNNING = "running"
    LIVE = "live"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Trouble(StrEnum):
    """Reasons for attention, worst first. The values are the words in a heading."""

    FAILED = "failed"
    UNREACHABLE = "unreachable"
    DEGRADED = "degraded"
    NOT_READY = "not ready"
    GONE = "gone"
    RECOVERING = "not recovered yet"
    STUCK = "stuck"


_ORDER = tuple(Trouble)


def trouble(state: PipelineState, now: datetime) -> Trouble | None:
    """The worst reason of one pipeline; None if it needs no attention."""
    observation = state.observation
    if state.reach is Reach.GONE:
        return Trouble.GONE
    if state.phase == Phase.FAILED:
        return Trouble.FAILED
    if state.reach is Reach.UNREACHABLE:
        return Trouble.UNREACHABLE
    if observation is None:
        return None
    if observation.phase == Phase.RUNNING and not observation.live:
        return Trouble.DEGRADED if observation.degraded else Trouble.NOT_READY
    if state.failed_since is not None:
        return Trouble.RECOVERING
    stuck = observation.phase in TRANSIENT and state.since and now - state.since >= STUCK_AFTER
    return Trouble.STUCK if stuck else None


def troubles(views: Iterable[PipelineView], now: datetime) -> Counter[Trouble]:
    """The number of pipelines for each reason, worst first."""
    found = Counter(kind for view in views if (kind := trouble(view.state, now)))
    return Counter({kind: found[kind] for kind in _ORDER if found[kind]})


def worst_first(views: Iterable[PipelineView], now: datetime) -> tuple[PipelineView, ...]:
    """Pipelines that need attention first. Otherwise the order stays."""
    return tuple(sorted(views, key=lambda view: _rank(trouble(view.state, now))))


def _rank(kind: Trouble | None) -> int:
    return len(_ORDER) if kind is None else _ORDER.index(kind)


def is_in(state: PipelineState, states: Collection[StateFilter]) -> bool:
    """True if the pipeline is in one of these states. An unreachable one also matches its last known state."""
    return not states or bool(_states(state) & set(states))


def _states(state: PipelineState) -> set[StateFilter]:
    if state.reach is Reach.GONE:
        return {StateFilter.GONE}
    found = {StateFilter.UNREACHABLE} if state.reach is Reach.UNREACHABLE else set[StateFilter]()
    observation = state.observation
    if observation is None:
        return found
    if observation.phase.known:
        found.add(StateFilter(observation.phase.lower()))
    if observation.live and not found & {StateFilter.UNREACHABLE}:
        found.add(StateFilter.LIVE)
    if observation.degraded:
        found.add(StateFilter.DEGRADED)
    return found
