"""One story for a problem that comes and goes: it keeps its card, and in the band of flapping it keeps quiet. Pure.

A problem that comes back while the window of changes is not calm continues its episode. Above the upper limit of the
window the pipeline flaps: its episode stays open, and only counts. It settles below the lower limit.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.episode import MOST_CONFIRMED, Episode, EpisodeKind, EpisodeOutcome, FlapStep, TimelineEntry
from bot.domain.flapping import FlapWindow
from bot.domain.transition import Event, PipelineState, Reach, Transition
from bot.domain.watch import API_PIPELINE_ID

PROBLEMS: Mapping[Event, EpisodeKind] = {
    Event.FAILED: EpisodeKind.FAILURE,
    Event.DEGRADED: EpisodeKind.DEGRADED,
    Event.UNREACHABLE: EpisodeKind.UNREADABLE,
    Event.GONE: EpisodeKind.UNREADABLE,
    Event.STALLED: EpisodeKind.LAG,
    Event.LAGGING: EpisodeKind.LAG,
    Event.DRIFT: EpisodeKind.DRIFT,
    Event.RESTARTED: EpisodeKind.MOMENT,
}
_WORST_FIRST = tuple(dict.fromkeys(PROBLEMS.values()))
_ENDS_OF_FINDINGS = frozenset({Event.CAUGHT_UP, Event.MOVING, Event.ALIGNED})
_COUNTED = frozenset({*PROBLEMS, *_ENDS_OF_FINDINGS, Event.RECOVERED, Event.BACK})
_OVER = frozenset(
    {
        *(EpisodeOutcome.RECOVERED, EpisodeOutcome.LIVE, EpisodeOutcome.READABLE, EpisodeOutcome.DONE),
        EpisodeOutcome.CLEARED,
    }
)
REDRAWN_EVERY = timedelta(minutes=1)  # a pipeline that flaps every 10 s would cost 360 updates an hour
ENDING_ON_PURPOSE = frozenset({Event.PAUSED, Event.STOPPED, Event.FINISHED})
"""These events end a failure without a recovery, unless the failure goes on: a stop may be unwanted."""
_HARMLESS = frozenset({Event.RUNNING, Event.LIVE, Event.RECOVERED, Event.BACK, *_ENDS_OF_FINDINGS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flap:
    """How one reading leaves the pipeline's window of changes."""

    changes: tuple[datetime, ...] = ()
    continues: bool = False
    """The window was not calm before the reading: a problem that comes back belongs to the same story."""
    enters: bool = False
    """The share is above the upper limit after a change."""
    settles_at: datetime | None = None
    """The time of the reading, if the share is below the lower limit."""


STEADY: Flap = Flap()


def flap_after(
    changes: tuple[datetime, ...],
    transitions: Sequence[Transition],
    at: datetime,
    window: FlapWindow,
    *,
    episode: Episode | None,
    state: PipelineState,
) -> Flap:
    """The window after a reading at `at`. `changes` and `episode` are those before it, `state` the one after it.

    A pause or a wanted stop begins a new life of the pipeline. Outages of the API are no changes of a pipeline.
    """
    events = {transition.event for transition in transitions}
    if any(transition.pipeline_id == API_PIPELINE_ID for transition in transitions):
        return STEADY
    if events & ENDING_ON_PURPOSE and state.failed_since is None:
        return Flap(settles_at=at)
    changed = bool(events & _COUNTED) or (Event.LIVE in events and _ends_with_live(episode))
    later = (*changes, at)[-window.results :] if changed else changes
    return Flap(
        changes=later,
        continues=changed and window.share(changes, at) > 0,
        enters=changed and window.is_flapping(later, at, before=False),
        settles_at=None if window.is_flapping(later, at, before=True) else at,
    )


def calm_at(changes: Sequence[datetime], window: FlapWindow) -> datetime | None:
    """When a flapping pipeline settles, if it changes no more. None: it has no changes."""
    return window.calm_at(changes, changes[-1]) if changes else None


def may_continue(ended: Episode, event: Event) -> bool:
    """True if the event is the same problem as in the episode that ended by itself."""
    return ended.outcome in _OVER and PROBLEMS.get(event) is ended.kind


def reopened(ended: Episode) -> Episode:
    """The episode goes on. An acknowledgement was for the earlier failure."""
    return replace(ended, closed_at=None, outcome=None, acknowledged=None, readings=1)


def is_story(episode: Episode) -> bool:
    """True for the kinds of episode that can flap."""
    return episode.kind in _WORST_FIRST


def absorbs_while_flapping(episode: Episode, event: Event) -> bool:
    """True if a flapping pipeline's episode takes the event. A worse problem gets an episode of its own."""
    if not episode.flapping:
        return False
    problem = PROBLEMS.get(event)
    no_worse = problem is not None and _WORST_FIRST.index(problem) >= _WORST_FIRST.index(episode.kind)
    return no_worse or event in _HARMLESS


def counted(episode: Episode, transition: Transition, state: PipelineState, *, reopens: bool = False) -> Episode:
    """Counts one more beginning of the episode's problem, if the transition is one."""
    kind = PROBLEMS.get(transition.event)
    again = reopens or episode.flapping or (kind is EpisodeKind.FAILURE and bool(episode.timeline))
    if kind is not episode.kind or not again:
        return episode
    began_at = state.failed_since if kind is EpisodeKind.FAILURE else transition.at
    return replace(episode, times=episode.times + 1, latest_began_at=began_at or transition.at)


def hidden_in(episode: Episode, transition: Transition, state: PipelineState) -> Episode:
    """A flapping pipeline's change: its card counts it, and its thread gets no entry."""
    hidden = Counter(episode.hidden) + Counter({transition.event: 1})
    return replace(counted(episode, transition, state), revision=episode.revision + 1, hidden=hidden)


def redrawn(episode: Episode, stored: Episode | None, at: datetime) -> tuple[Episode, bool]:
    """The episode after a reading, and whether its cards' messages show it now.

    In the band they show its changes once a minute, and the latest one within a minute. The end of the band always.
    """
    in_band = stored is not None and stored.flapping and episode.flapping
    if in_band and episode.redraw_at and at < episode.redraw_at:
        return episode, False
    return replace(episode, redraw_at=at + REDRAWN_EVERY if episode.flapping else None), True


def is_to_be_redrawn(episode: Episode, at: datetime) -> bool:
    """True if the last change in the band may still be missing in the messages."""
    return episode.open and episode.flapping and episode.redraw_at is not None and at >= episode.redraw_at


def entered(episode: Episode) -> Episode:
    """The pipeline flaps from now on. The latest entry says so."""
    last = replace(
        episode.timeline[-1], flap=FlapStep.ENTERED, reopens=False, times=episode.times, since=episode.opened_at
    )
    timeline = (*episode.timeline[:-1], last)
    return replace(episode, flapping=True, readings=MOST_CONFIRMED, timeline=timeline)  # no chance finding


def settled(episode: Episode, state: PipelineState, flap: Flap, at: datetime) -> Episode:
    """The pipeline flaps no more: an entry says how it is now. The problem was over at the last change, or stays."""
    back, over = _END_OF[episode.kind]
    stays = _goes_on(episode.kind, state)
    ended_at = flap.changes[-1] if flap.changes else at
    observation = state.observation
    entry = TimelineEntry(
        revision=episode.revision + 1,
        at=at,
        events=(_PROBLEM_OF[episode.kind] if stays else back,),
        phase=state.phase,
        ready=observation.ready if observation else None,
        replicas=observation.replicas if observation else None,
        downtime_seconds=None if stays else max(0.0, (ended_at - episode.began_at).total_seconds()),
        times=episode.times,
        since=episode.opened_at,
        flap=FlapStep.SETTLED,
        hidden=tuple(episode.hidden.items()),
    )
    quiet = replace(episode.with_entry(entry), flapping=False, hidden={})
    return quiet if stays else replace(quiet, closed_at=max(ended_at, episode.began_at), outcome=over)


def left_over(ended: Episode, state: PipelineState, at: datetime) -> Transition | None:
    """Another problem that goes on after the story of a flapping pipeline, in which it was one of many changes."""
    if state.reach is not Reach.REACHABLE and ended.kind is not EpisodeKind.UNREADABLE:
        event = Event.GONE if state.reach is Reach.GONE else Event.UNREACHABLE
    elif ended.kind is EpisodeKind.FAILURE and state.observation and state.observation.degraded:
        event = Event.DEGRADED
    else:
        return None
    phase = state.phase
    return Transition(event=event, pipeline_id=ended.pipeline_id, at=at, phase=phase, previous=phase, reach=state.reach)


def _ends_with_live(episode: Episode | None) -> bool:
    return episode is not None and episode.open and (episode.flapping or episode.kind is EpisodeKind.DEGRADED)


def _goes_on(kind: EpisodeKind, state: PipelineState) -> bool:
    """True if the problem of such an episode is not over. A restart is over at once."""
    if kind is EpisodeKind.FAILURE:
        return state.failed_since is not None
    if kind is EpisodeKind.DEGRADED:
        return state.live is False
    if kind is EpisodeKind.LAG:
        return any(state.finding(event) for event in (Event.LAGGING, Event.STALLED))
    if kind is EpisodeKind.DRIFT:
        return state.finding(Event.DRIFT) is not None
    return kind is EpisodeKind.UNREADABLE and state.reach is not Reach.REACHABLE


_PROBLEM_OF = {
    EpisodeKind.FAILURE: Event.FAILED,
    EpisodeKind.DEGRADED: Event.DEGRADED,
    EpisodeKind.UNREADABLE: Event.UNREACHABLE,
    EpisodeKind.MOMENT: Event.RESTARTED,
    EpisodeKind.LAG: Event.LAGGING,
    EpisodeKind.DRIFT: Event.DRIFT,
}
_END_OF = {
    EpisodeKind.FAILURE: (Event.RECOVERED, EpisodeOutcome.RECOVERED),
    EpisodeKind.DEGRADED: (Event.LIVE, EpisodeOutcome.LIVE),
    EpisodeKind.UNREADABLE: (Event.BACK, EpisodeOutcome.READABLE),
    EpisodeKind.MOMENT: (Event.RESTARTED, EpisodeOutcome.DONE),
    EpisodeKind.LAG: (Event.CAUGHT_UP, EpisodeOutcome.CLEARED),
    EpisodeKind.DRIFT: (Event.ALIGNED, EpisodeOutcome.CLEARED),
}
"""Of each kind: the event that ends its problem, and the outcome."""
