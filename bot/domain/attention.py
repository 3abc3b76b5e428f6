"""Which pipelines need attention, in which order, and the words for their states. Pure."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import overload

from bot.domain.answer import PipelineView
from bot.domain.observation import PipelineId
from bot.domain.phase import TRANSIENT, Phase
from bot.domain.transition import Event, PipelineState, Reach, is_unread

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
    FINISHED = "finished"
    LAGGING = "lagging"
    STALLED = "stalled"
    STUCK = "stuck"
    DRIFT = "drift"


OF_HEALTHY = frozenset(
    {StateFilter.RUNNING, StateFilter.LIVE, StateFilter.PAUSED, StateFilter.STOPPED, StateFilter.FINISHED}
)
"""The states that a pipeline can have if it is plainly healthy."""


class Trouble(StrEnum):
    """Reasons for attention, worst first. The values are the words in a heading."""

    FAILED = "failed"
    UNREACHABLE = "unreachable"
    DEGRADED = "degraded"
    NOT_READY = "not ready"
    GONE = "gone"
    RECOVERING = "not recovered yet"
    STALLED = "stalled"
    LAGGING = "lagging"
    STUCK = "stuck"
    DRIFT = "drifting"


_ORDER = tuple(Trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewList(Sequence[PipelineView]):
    """Many pipelines, of which an answer shows one page: makes a view only when it is shown."""

    ids: Sequence[PipelineId]
    """Those that need attention first."""
    view: Callable[[PipelineId], PipelineView]
    troubles: Counter[Trouble]
    unread: int
    """How many have no reading."""
    stale: bool
    """Some readings are out of date."""

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> PipelineView: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[PipelineView]: ...

    def __getitem__(self, place: int | slice) -> PipelineView | Sequence[PipelineView]:
        if isinstance(place, slice):
            return tuple(map(self.view, self.ids[place]))
        return self.view(self.ids[place])


def trouble(state: PipelineState, now: datetime) -> Trouble | None:
    """The worst reason of one pipeline; None if it needs no attention."""
    observation = state.observation
    if state.reach is Reach.GONE:
        return Trouble.GONE
    if state.fails:
        return Trouble.FAILED
    if state.reach is Reach.UNREACHABLE:
        return Trouble.UNREACHABLE
    if observation is None:
        return None
    if observation.phase == Phase.RUNNING and not observation.live:
        return Trouble.DEGRADED if observation.degraded else Trouble.NOT_READY
    if state.failed_since is not None:
        return Trouble.RECOVERING
    if found := [kind for event, kind in _FOUND.items() if state.finding(event)]:
        return found[0]
    stuck = observation.phase in TRANSIENT and state.since and now - state.since >= STUCK_AFTER
    return Trouble.STUCK if stuck else None


_FILTERS = {
    Event.LAGGING: StateFilter.LAGGING,
    Event.STALLED: StateFilter.STALLED,
    Event.STUCK: StateFilter.STUCK,
    Event.DRIFT: StateFilter.DRIFT,
}
_FOUND = {
    Event.STALLED: Trouble.STALLED,
    Event.LAGGING: Trouble.LAGGING,
    Event.STUCK: Trouble.STUCK,
    Event.DRIFT: Trouble.DRIFT,
}


def troubles(views: Iterable[PipelineView], now: datetime) -> Counter[Trouble]:
    """The number of pipelines for each reason, worst first."""
    if isinstance(views, ViewList):
        return views.troubles
    return in_order_of_trouble(Counter(kind for view in views if (kind := trouble(view.state, now))))


def in_order_of_trouble(found: Counter[Trouble]) -> Counter[Trouble]:
    return Counter({kind: found[kind] for kind in _ORDER if found[kind]})


def unread(views: Sequence[PipelineView]) -> int:
    """The number of pipelines without a reading."""
    return views.unread if isinstance(views, ViewList) else sum(is_unread(view.state) for view in views)


def worst_first(views: Iterable[PipelineView], now: datetime) -> tuple[PipelineView, ...]:
    """Pipelines that need attention first. Otherwise the order stays."""
    return tuple(sorted(views, key=lambda view: urgency(trouble(view.state, now), view.state, answered=view.answered)))


def worst_first_page(views: Sequence[PipelineView], now: datetime, count: int) -> Sequence[PipelineView]:
    """The first `count` of `worst_first`."""
    return views[:count] if isinstance(views, ViewList) else worst_first(views, now)[:count]


def urgency(kind: Trouble | None, state: PipelineState, *, answered: bool) -> tuple[int, bool, datetime]:
    """Sorts the worst first; of those, the ones that nobody has; of those, the oldest."""
    since = began_at(kind, state) if kind else None
    return rank(kind), answered and kind is not None, since or datetime.max.replace(tzinfo=UTC)


def began_at(kind: Trouble, state: PipelineState) -> datetime | None:
    """When the trouble began, as far as the state says."""
    if kind in {Trouble.FAILED, Trouble.RECOVERING}:
        return state.failed_since or state.since
    event = next((event for event, found in _FOUND.items() if found is kind), None)
    finding = state.finding(event) if event else None
    return finding.since if finding else state.since if kind is Trouble.STUCK else None


def rank(kind: Trouble | None) -> int:
    """Sorts the worst first."""
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
    found |= {_FILTERS[finding.event] for finding in state.findings}
    if state.has_stopped_short:
        found.add(StateFilter.FAILED)
    if state.has_finished:
        found.add(StateFilter.FINISHED)
    return found
