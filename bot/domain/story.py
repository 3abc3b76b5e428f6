"""Which episodes the transitions of one reading open, continue and end. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from bot.domain.episode import MOST_CONFIRMED, Episode, EpisodeKind, EpisodeOutcome, TimelineEntry
from bot.domain.flap_story import (
    ENDING_ON_PURPOSE,
    STEADY,
    Flap,
    absorbs_while_flapping,
    counted,
    entered,
    hidden_in,
    is_story,
    left_over,
    may_continue,
    reopened,
    settled,
)
from bot.domain.phase import Phase
from bot.domain.transition import END_OF_FINDING, FINDINGS, Event, PipelineFinding, PipelineState, Transition

# The kind of episode that an event opens if none is open.
_OPENS = {
    Event.FAILED: EpisodeKind.FAILURE,
    Event.DEGRADED: EpisodeKind.DEGRADED,
    Event.DEPLOYING: EpisodeKind.DEPLOYMENT,
    Event.RUNNING: EpisodeKind.DEPLOYMENT,
    Event.LIVE: EpisodeKind.DEPLOYMENT,
    Event.PAUSED: EpisodeKind.PAUSE,
    Event.STOPPING: EpisodeKind.PAUSE,
    Event.STOPPED: EpisodeKind.PAUSE,
    Event.FINISHED: EpisodeKind.PAUSE,
    Event.RESTARTED: EpisodeKind.MOMENT,
    Event.UNREACHABLE: EpisodeKind.UNREADABLE,
    Event.GONE: EpisodeKind.UNREADABLE,
    Event.CHANGED: EpisodeKind.OTHER,
    Event.LAGGING: EpisodeKind.LAG,
    Event.STALLED: EpisodeKind.LAG,
    Event.DRIFT: EpisodeKind.DRIFT,
}

_READABILITY = frozenset({Event.UNREACHABLE, Event.GONE, Event.BACK})
_LAG = frozenset({Event.LAGGING, Event.STALLED})
_ENDS_OF_FINDINGS = frozenset(end for end in END_OF_FINDING.values() if end)
# The events that continue an open episode. Any other event ends it and opens the next one.
_ABSORBS: Mapping[EpisodeKind, frozenset[Event]] = {
    EpisodeKind.FAILURE: frozenset(Event),
    EpisodeKind.DEGRADED: frozenset({Event.RESTARTED, Event.LIVE, *FINDINGS, *_ENDS_OF_FINDINGS, *_READABILITY}),
    EpisodeKind.DEPLOYMENT: frozenset(
        {Event.RUNNING, Event.LIVE, Event.RESTARTED, Event.STUCK, *_ENDS_OF_FINDINGS, *_READABILITY}
    ),
    EpisodeKind.PAUSE: frozenset(
        {
            *(Event.PAUSED, Event.STOPPING, Event.STOPPED, Event.FINISHED, Event.STUCK),
            *_ENDS_OF_FINDINGS,
            *_READABILITY,
        }
    ),
    EpisodeKind.LAG: frozenset({Event.RESTARTED, Event.LIVE, *_LAG, Event.DRIFT, *_ENDS_OF_FINDINGS, *_READABILITY}),
    EpisodeKind.DRIFT: frozenset({Event.RESTARTED, Event.LIVE, *FINDINGS, *_ENDS_OF_FINDINGS, *_READABILITY}),
    EpisodeKind.MOMENT: frozenset(),
    EpisodeKind.UNREADABLE: frozenset(_READABILITY | _ENDS_OF_FINDINGS),
    EpisodeKind.OTHER: frozenset(_READABILITY | _ENDS_OF_FINDINGS),
}
# The events that end an episode, each with the outcome.
_ENDS: Mapping[EpisodeKind, Mapping[Event, EpisodeOutcome]] = {
    EpisodeKind.FAILURE: {Event.RECOVERED: EpisodeOutcome.RECOVERED},
    EpisodeKind.DEGRADED: {Event.LIVE: EpisodeOutcome.LIVE},
    EpisodeKind.DEPLOYMENT: {Event.LIVE: EpisodeOutcome.LIVE},
    EpisodeKind.PAUSE: {},
    EpisodeKind.MOMENT: {event: EpisodeOutcome.DONE for event, kind in _OPENS.items() if kind is EpisodeKind.MOMENT},
    EpisodeKind.UNREADABLE: {Event.BACK: EpisodeOutcome.READABLE},
    EpisodeKind.LAG: {Event.CAUGHT_UP: EpisodeOutcome.CLEARED, Event.MOVING: EpisodeOutcome.CLEARED},
    EpisodeKind.DRIFT: {Event.ALIGNED: EpisodeOutcome.CLEARED},
    EpisodeKind.OTHER: {},
}


def advance(
    current: Episode | None,
    transitions: tuple[Transition, ...],
    state: PipelineState,
    identities: Mapping[EpisodeKind, str],
    flap: Flap = STEADY,
) -> tuple[Episode, ...]:
    """The episodes that one reading touches, in order; the last is the current one.

    `identities` holds the last identity of each kind, so that a second failure of one deployment gets another one. A
    problem that comes back soon continues the last episode (`flap`).
    """
    touched: dict[str, Episode] = {}
    episode, enters = current, flap.enters
    for transition in transitions:
        if episode and episode.open and not _takes(episode, transition.event):
            closing = _with_transition(replace(episode, flapping=False), transition, state)
            episode = _closed(closing, transition, state, EpisodeOutcome.SUPERSEDED)
            touched[episode.identity] = episode
        reopens = bool(episode and flap.continues and may_continue(episode, transition.event))
        if episode and reopens:
            episode = reopened(episode)
        elif episode is None or not episode.open:
            if kind_opened_by(transition.event, transition.phase) is None:
                continue
            episode, enters = _opened(transition, state, identities), False  # its card is the news
        episode = _taken(episode, transition, state, enters=enters, reopens=reopens)
        touched[episode.identity] = episode
    if episode and episode.open:
        flap = replace(flap, enters=enters)
        touched |= {after.identity: after for after in _settled_or_entered(episode, state, identities, flap)}
    return tuple(touched.values())


def _taken(episode: Episode, transition: Transition, state: PipelineState, *, enters: bool, reopens: bool) -> Episode:
    """The open episode after one of its own transitions."""
    if episode.flapping and not _ended_on_purpose(episode, transition, state):
        return hidden_in(episode, transition, state)
    episode = counted(episode, transition, state, reopens=reopens)
    episode = _with_transition(episode, transition, state, reopens=reopens)
    return _ended(episode, transition, state, stays=enters and is_story(episode))


def _settled_or_entered(
    episode: Episode, state: PipelineState, identities: Mapping[EpisodeKind, str], flap: Flap
) -> list[Episode]:
    """The episodes that change because the pipeline flaps from now on, or no more."""
    if flap.enters and is_story(episode) and not episode.flapping:
        return [entered(episode)]
    if not episode.flapping or flap.settles_at is None:
        return []
    episode = settled(episode, state, flap, flap.settles_at)
    rest = None if episode.open else left_over(episode, state, flap.settles_at)
    return [episode, _with_transition(_opened(rest, state, identities), rest, state)] if rest else [episode]


def _takes(episode: Episode, event: Event) -> bool:
    return event in _ABSORBS[episode.kind] or absorbs_while_flapping(episode, event)


def _opened(transition: Transition, state: PipelineState, identities: Mapping[EpisodeKind, str]) -> Episode:
    kind = kind_opened_by(transition.event, transition.phase) or EpisodeKind.OTHER
    return Episode(
        kind=kind,
        pipeline_id=transition.pipeline_id,
        identity=_identity(kind, state, transition.at, identities.get(kind)),
        opened_at=transition.finding.since if transition.finding else transition.at,
        first_seen=transition.first_seen or _under_way(kind, transition),
        healthy=state.healthy if kind is EpisodeKind.FAILURE else None,
        no_reader=transition.no_reader,
        readings=MOST_CONFIRMED if state.has_stopped_short else 1,  # its height confirms it
    )


def _under_way(kind: EpisodeKind, transition: Transition) -> bool:
    """True for a deployment whose beginning the bot did not see: a first reading reports only FAILED."""
    return kind is EpisodeKind.DEPLOYMENT and transition.previous == Phase.DEPLOYING


def _identity(kind: EpisodeKind, state: PipelineState, at: datetime, last: str | None) -> str:
    """The deployment's start time, or else the time of the reading. A repeated one gets the next number."""
    observation = state.observation
    start = observation.start_time if observation else None
    anchor = f"{kind}|{(start or at).isoformat()}"
    if last is None or last.rpartition("#")[0] != anchor:
        return f"{anchor}#1"
    return f"{anchor}#{int(last.rpartition('#')[2]) + 1}"


def _with_transition(
    episode: Episode, transition: Transition, state: PipelineState, *, reopens: bool = False
) -> Episode:
    """Adds the transition to the timeline. Transitions of one reading share an entry."""
    last = episode.timeline[-1] if episode.timeline else None
    observation = state.observation if transition.event not in _READABILITY else None
    if last and last.at == transition.at and last.by is None and Event.DIAGNOSED not in last.events:
        last = replace(last, events=(*last.events, transition.event), findings=(*last.findings, *_findings(transition)))
        if observation:  # a readable pipeline shows its last observation
            last = replace(last, phase=transition.phase, ready=observation.ready, replicas=observation.replicas)
        return replace(episode, timeline=(*episode.timeline[:-1], last))
    entry = TimelineEntry(
        revision=episode.revision + 1,
        at=transition.at,
        events=(transition.event,),
        after=transition.after,
        phase=transition.phase,
        ready=observation.ready if observation else None,
        replicas=observation.replicas if observation else None,
        reason=transition.reason,
        until=transition.until,
        times=episode.times,
        since=episode.opened_at if episode.times > 1 else None,
        reopens=reopens,
        hidden=tuple(episode.hidden.items()),
        findings=_findings(transition),
    )
    return replace(episode.with_entry(entry), hidden={})


def _findings(transition: Transition) -> tuple[PipelineFinding, ...]:
    return (transition.finding,) if transition.finding else ()


def _ended(episode: Episode, transition: Transition, state: PipelineState, *, stays: bool) -> Episode:
    """The episode, closed if this transition ends it. `stays`: a flapping pipeline's end is no end."""
    if _ended_on_purpose(episode, transition, state):
        return replace(_closed(episode, transition, state, EpisodeOutcome.ON_PURPOSE), flapping=False)
    outcome = ending_by(episode.kind, transition.event, (finding.event for finding in state.findings))
    return _closed(episode, transition, state, outcome) if outcome and not stays else episode


def _ended_on_purpose(episode: Episode, transition: Transition, state: PipelineState) -> bool:
    stopped = transition.event in ENDING_ON_PURPOSE and state.observation is not None
    return episode.kind is EpisodeKind.FAILURE and stopped and state.failed_since is None


def _closed(episode: Episode, transition: Transition, state: PipelineState, outcome: EpisodeOutcome) -> Episode:
    downtime = (transition.at - episode.began_at).total_seconds()
    gap = state.gap if state.gap and state.gap.until > episode.began_at else None
    if episode.kind is EpisodeKind.UNREADABLE:
        gap = None  # the episode itself says so
    last = replace(episode.timeline[-1], downtime_seconds=downtime, at_least=episode.found_begun, gap=gap)
    return replace(episode, closed_at=transition.at, outcome=outcome, timeline=(*episode.timeline[:-1], last))


def kind_opened_by(event: Event, phase: Phase | None) -> EpisodeKind | None:
    """The kind of episode that this event opens if none is open. `phase`: after the event."""
    if event is Event.STUCK:  # the first reading may have found it in this phase, which opens no episode
        return EpisodeKind.PAUSE if phase == Phase.STOPPING else EpisodeKind.DEPLOYMENT
    return _OPENS.get(event)


def continues(kind: EpisodeKind, event: Event) -> bool:
    """True if the event continues an open episode of this kind. Any other event ends it."""
    return event in _ABSORBS[kind]


def adds_a_problem(kind: EpisodeKind, entry: TimelineEntry) -> bool:
    """True if a problem begins that a card of this kind does not announce: a deployment is stuck, or a lag drifts."""
    begun = {finding.event for finding in entry.findings if not finding.is_of_the_chain} & {*entry.events}
    return any(_OPENS.get(event) is not kind for event in begun)


def ending_by(kind: EpisodeKind, event: Event, findings: Iterable[Event]) -> EpisodeOutcome | None:
    """How this event ends an episode of this kind. None: it does not. `findings`: those that still hold."""
    if kind is EpisodeKind.LAG and not _LAG.isdisjoint(findings):
        return None
    return _ENDS[kind].get(event)
