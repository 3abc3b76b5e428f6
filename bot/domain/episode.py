"""Episodes: stretches of one pipeline's life. Each episode has one card in a channel, and a timeline."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.escalation import Page
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.transition import Event, Healthy, PipelineState, ReadGap, Transition
from bot.domain.watch import ChannelId, TeamId, UserId

ENTRIES_KEPT = 40
EARLIER_GAPS_KEPT = 3


class EpisodeKind(StrEnum):
    """The kinds of episode, by the event that opens them. The values are part of stored rows and of card keys."""

    FAILURE = "failure"
    DEGRADED = "degraded"
    DEPLOYMENT = "deployment"
    PAUSE = "pause"
    MOMENT = "restart"  # an event that is over at once; the first one was a restart
    UNREADABLE = "blind"  # the bot cannot read this pipeline, or it is gone
    OTHER = "other"


class EpisodeOutcome(StrEnum):
    """How an episode ended."""

    RECOVERED = "recovered"
    LIVE = "live"
    READABLE = "readable"
    SUPERSEDED = "superseded"
    ON_PURPOSE = "on_purpose"
    DONE = "done"
    UNWATCHED = "unwatched"  # the problem may go on, but nobody watches any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Who acknowledged or resolved a failure, when, and in which conversation."""

    by: UserId
    at: datetime
    name: str = ""
    """The person's name, as plain text."""
    place: str = ""
    """Words for the conversation that people elsewhere may see, as plain text."""
    channel: ChannelId | None = None
    """The conversation. Rows of earlier versions lack it."""
    until: datetime | None = None
    """The paging goes on then, unless the failure is over. None: it does not."""
    snoozed: bool = False
    """The person asked for quiet until then, and promised nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One entry of an episode's timeline: a change of the pipeline, or the deed of a person.

    Several events of one reading share an entry.
    """

    revision: int
    """The episode's revision that added the entry."""
    at: datetime
    events: tuple[Event, ...]
    after: datetime | None = None
    """The last reading before the event."""
    phase: Phase | None = None
    ready: int | None = None
    replicas: int | None = None
    by: UserId | None = None
    """The person who acknowledged or resolved. None for a change of the pipeline."""
    name: str = ""
    place: str = ""
    channel: ChannelId | None = None
    promised_until: datetime | None = None
    """As `Acknowledgement.until`."""
    snoozed: bool = False
    instead_of: str = ""
    """The name of the person whose acknowledgement this one replaced."""
    reason: str = ""
    """Why the bot can't read the pipeline, in words for people."""
    until: datetime | None = None
    """When the bot reads again, if GoldRush asked for a wait."""
    downtime_seconds: float | None = None
    """Only in the entry that ends its episode."""
    at_least: bool = False
    """The bot did not see the beginning: the downtime may be longer."""
    gap: ReadGap | None = None
    """Only in the entry that ends its episode: the latest gap of its readings within the episode."""

    @property
    def ends(self) -> bool:
        """True for the entry that ends its episode."""
        return self.downtime_seconds is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One continuous stretch of a pipeline's life, such as a failure from its begin to its recovery."""

    kind: EpisodeKind
    pipeline_id: PipelineId
    identity: str
    """Unique among the pipeline's episodes. A bot with an emptied store derives the same one again."""
    opened_at: datetime
    revision: int = 0
    """Grows with every change that a card must show."""
    timeline: tuple[TimelineEntry, ...] = ()
    acknowledged: Acknowledgement | None = None
    first_seen: bool = False
    """The first reading found it like this: it began at `opened_at` or earlier."""
    closed_at: datetime | None = None
    outcome: EpisodeOutcome | None = None
    cards: Mapping[str, ChannelId] = field(default_factory=dict)
    """The conversation of each card, by the card's key."""
    healthy: Healthy | None = None
    """How long the pipeline had been live before it failed."""
    paged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The targets that each card of a failure paged, by the card's key. Cards of earlier versions have none."""
    earlier_gaps: tuple[ReadGap, ...] = ()
    """The gaps of the readings within the episode, without the latest one, which is in the state."""
    generation: int = 0
    """Counts how often conversations stopped watching. A conversation that watches again gets a new card."""
    no_reader: bool = False
    """The bot's own readers are silent: GoldRush itself may be fine. Older versions don't know this field."""
    pages: tuple[Page, ...] = ()
    """One for each policy, and one for each channel whose watches name targets."""
    resolved: Acknowledgement | None = None
    """The person who ended the paging, although the failure may go on."""

    def key(self, team: TeamId, channel: ChannelId) -> str:
        """The deterministic key of this episode's card in one channel."""
        return stable_key(
            team, channel, self.pipeline_id, self.identity, *([str(self.generation)] if self.generation else ())
        )

    def card_in(self, channel: ChannelId) -> str | None:
        """The key of this episode's card in the channel. Earlier versions could store two; then the first."""
        return next((key for key, conversation in self.cards.items() if conversation == channel), None)

    def with_entry(self, entry: TimelineEntry) -> "Episode":
        """Appends an entry. A long timeline keeps its beginning and its latest entries."""
        entries = (*self.timeline, entry)
        if len(entries) > ENTRIES_KEPT:
            entries = (*entries[: ENTRIES_KEPT // 2], *entries[-ENTRIES_KEPT // 2 :])
        return replace(self, revision=entry.revision, timeline=entries)

    def with_earlier_gap(self, gap: ReadGap) -> "Episode":
        """Keeps a gap that a later one replaces in the state. Ignores one that ended before the episode began."""
        if not self.open or gap.until <= self.opened_at:
            return self
        return replace(self, earlier_gaps=(*self.earlier_gaps, gap)[-EARLIER_GAPS_KEPT:])

    def explained(self, reason: str, until: datetime | None, *, no_reader: bool) -> "Episode":
        """The episode continues for another reason: changes its last entry, and adds none."""
        last = replace(self.timeline[-1], reason=reason, until=until)
        entries = (*self.timeline[:-1], last)
        return replace(self, revision=self.revision + 1, timeline=entries, no_reader=no_reader)

    def unwatched(self, at: datetime) -> "Episode":
        """Closes the episode because nobody watches it any more. The problem itself may go on."""
        return replace(self, revision=self.revision + 1, closed_at=at, outcome=EpisodeOutcome.UNWATCHED)

    @property
    def open(self) -> bool:
        return self.closed_at is None

    @property
    def direct_conversations(self) -> tuple[ChannelId, ...]:
        """The direct messages of the people that its pages have reached, and of their shadows."""
        people = (target for page in self.pages for target in (*page.notified, *page.shadows))
        return tuple(dict.fromkeys(target.direct for target in people if target.direct))

    @property
    def answerable(self) -> bool:
        """True if people may acknowledge it: an open failure, or another open episode that pages."""
        return self.open and (self.kind is EpisodeKind.FAILURE or bool(self.pages)) and self.resolved is None

    @property
    def unanswered(self) -> bool:
        """True if it needs a person, and nobody has it."""
        return self.answerable and self.acknowledged is None

    @property
    def downtime_seconds(self) -> float | None:
        """How long the episode lasted; None while it is open."""
        return (self.closed_at - self.opened_at).total_seconds() if self.closed_at else None


def stable_key(*parts: str) -> str:
    """32 hex digits: short enough for a message's metadata, long enough never to collide."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


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
    Event.RESTARTED: EpisodeKind.MOMENT,
    Event.UNREACHABLE: EpisodeKind.UNREADABLE,
    Event.GONE: EpisodeKind.UNREADABLE,
    Event.CHANGED: EpisodeKind.OTHER,
}

_READABILITY = {Event.UNREACHABLE, Event.GONE, Event.BACK}
# The events that continue an open episode. Any other event ends it and opens the next one.
_ABSORBS: Mapping[EpisodeKind, frozenset[Event]] = {
    EpisodeKind.FAILURE: frozenset(Event),
    EpisodeKind.DEGRADED: frozenset({Event.RESTARTED, Event.LIVE, *_READABILITY}),
    EpisodeKind.DEPLOYMENT: frozenset({Event.RUNNING, Event.LIVE, Event.RESTARTED, *_READABILITY}),
    EpisodeKind.PAUSE: frozenset({Event.PAUSED, Event.STOPPING, Event.STOPPED, *_READABILITY}),
    EpisodeKind.MOMENT: frozenset(),
    EpisodeKind.UNREADABLE: frozenset(_READABILITY),
    EpisodeKind.OTHER: frozenset(_READABILITY),
}
# The events that end an episode, each with the outcome.
_ENDS: Mapping[EpisodeKind, Mapping[Event, EpisodeOutcome]] = {
    EpisodeKind.FAILURE: {Event.RECOVERED: EpisodeOutcome.RECOVERED},
    EpisodeKind.DEGRADED: {Event.LIVE: EpisodeOutcome.LIVE},
    EpisodeKind.DEPLOYMENT: {Event.LIVE: EpisodeOutcome.LIVE},
    EpisodeKind.PAUSE: {},
    EpisodeKind.MOMENT: {event: EpisodeOutcome.DONE for event, kind in _OPENS.items() if kind is EpisodeKind.MOMENT},
    EpisodeKind.UNREADABLE: {Event.BACK: EpisodeOutcome.READABLE},
    EpisodeKind.OTHER: {},
}


def advance(
    current: Episode | None,
    transitions: tuple[Transition, ...],
    state: PipelineState,
    identities: Mapping[EpisodeKind, str],
) -> tuple[Episode, ...]:
    """The episodes that the transitions of one reading touch, in order; the last is the current one.

    `identities` holds the last identity of each kind, so that a second failure of one deployment gets another one.
    """
    touched: dict[str, Episode] = {}
    episode = current if current and current.open else None
    for transition in transitions:
        if episode and transition.event not in _ABSORBS[episode.kind]:
            touched[episode.identity] = _closed(
                _with_transition(episode, transition, state), transition, state, EpisodeOutcome.SUPERSEDED
            )
            episode = None
        if episode is None:
            kind = _OPENS.get(transition.event)
            if kind is None:
                continue
            episode = _opened(kind, transition, state, identities)
        episode = _ended(_with_transition(episode, transition, state), transition, state)
        touched[episode.identity] = episode
        if not episode.open:
            episode = None
    return tuple(touched.values())


def _opened(
    kind: EpisodeKind, transition: Transition, state: PipelineState, identities: Mapping[EpisodeKind, str]
) -> Episode:
    return Episode(
        kind=kind,
        pipeline_id=transition.pipeline_id,
        identity=_identity(kind, state, transition.at, identities.get(kind)),
        opened_at=transition.at,
        first_seen=transition.first_seen or _under_way(kind, transition),
        healthy=state.healthy if kind is EpisodeKind.FAILURE else None,
        no_reader=transition.no_reader,
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


def _with_transition(episode: Episode, transition: Transition, state: PipelineState) -> Episode:
    """Adds the transition to the timeline. Transitions of one reading share an entry."""
    last = episode.timeline[-1] if episode.timeline else None
    observation = state.observation if transition.event not in _READABILITY else None
    if last and last.at == transition.at and last.by is None:
        last = replace(last, events=(*last.events, transition.event))
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
    )
    return episode.with_entry(entry)


def _ended(episode: Episode, transition: Transition, state: PipelineState) -> Episode:
    """The episode, closed if this transition ends it."""
    outcome = _ENDS[episode.kind].get(transition.event)
    if outcome:
        return _closed(episode, transition, state, outcome)
    stopped = transition.event in {Event.PAUSED, Event.STOPPED} and state.observation is not None
    if episode.kind is EpisodeKind.FAILURE and stopped and state.failed_since is None:
        return _closed(episode, transition, state, EpisodeOutcome.ON_PURPOSE)
    return episode


def _closed(episode: Episode, transition: Transition, state: PipelineState, outcome: EpisodeOutcome) -> Episode:
    downtime = (transition.at - episode.opened_at).total_seconds()
    gap = state.gap if state.gap and state.gap.until > episode.opened_at else None
    if episode.kind is EpisodeKind.UNREADABLE:
        gap = None  # the episode itself says so
    last = replace(episode.timeline[-1], downtime_seconds=downtime, at_least=episode.first_seen, gap=gap)
    return replace(episode, closed_at=transition.at, outcome=outcome, timeline=(*episode.timeline[:-1], last))


def kind_opened_by(event: Event) -> EpisodeKind | None:
    """The kind of episode that this event opens if none is open."""
    return _OPENS.get(event)


def continues(kind: EpisodeKind, event: Event) -> bool:
    """True if the event continues an open episode of this kind. Any other event ends it."""
    return event in _ABSORBS[kind]


def ending_by(kind: EpisodeKind, event: Event) -> EpisodeOutcome | None:
    """How this event ends an episode of this kind. None: it does not."""
    return _ENDS[kind].get(event)
