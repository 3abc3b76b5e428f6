"""Episodes: stretches of one pipeline's life. Each episode has one card in a channel, and a timeline."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.diagnosis import Diagnosis, LogOutcome
from bot.domain.escalation import Page, PageStatus
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.transition import Event, Healthy, PipelineFinding, ReadGap
from bot.domain.watch import ChannelId, TeamId, UserId

ENTRIES_KEPT = 40
EARLIER_GAPS_KEPT = 3


_NOTHING_HIDDEN: Mapping[Event, int] = {}  # most episodes share it
MOST_CONFIRMED = 5  # readings in a row that a channel may wait for


class EpisodeKind(StrEnum):
    """The kinds of episode, by the event that opens them. The values are part of stored rows and of card keys."""

    FAILURE = "failure"
    DEGRADED = "degraded"
    DEPLOYMENT = "deployment"
    PAUSE = "pause"
    MOMENT = "restart"  # an event that is over at once; the first one was a restart
    UNREADABLE = "blind"  # the bot cannot read this pipeline, or it is gone
    LAG = "lag"  # it lags or has stalled
    DRIFT = "drift"
    OTHER = "other"


class EpisodeOutcome(StrEnum):
    """How an episode ended."""

    RECOVERED = "recovered"
    LIVE = "live"
    READABLE = "readable"
    SUPERSEDED = "superseded"
    ON_PURPOSE = "on_purpose"
    DONE = "done"
    CLEARED = "cleared"  # its findings hold no longer
    UNWATCHED = "unwatched"  # the problem may go on, but nobody watches any more


class FlapStep(StrEnum):
    """What an entry says about the band of flapping. The values are part of stored rows."""

    ENTERED = "entered"
    SETTLED = "settled"


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
    pager: str = ""
    """The name of the outside pager at which the person answered, if any."""
    remark: str = ""
    """What the person said about it, as plain text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One entry of an episode's timeline: a change of the pipeline, or the action of a person.

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
    remark: str = ""
    """As `Acknowledgement.remark`."""
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
    times: int = 1
    """How often the problem had begun in this episode by then."""
    since: datetime | None = None
    """When the episode began. Only in entries that count `times`."""
    reopens: bool = False
    """The episode had ended, and goes on: the channel hears of it as of a new failure."""
    flap: FlapStep | None = None
    """The pipeline began to flap, or settled."""
    hidden: tuple[tuple[Event, int], ...] = ()
    """Only in the first entry after the pipeline flapped: its changes meanwhile, which have no entries."""
    findings: tuple[PipelineFinding, ...] = ()
    """Those that began or ended with this entry."""

    @property
    def lag(self) -> timedelta | None:
        """The longest lag that watches ask for and that the pipeline had reached. None: it did not lag."""
        return next((finding.threshold for finding in self.findings if finding.event is Event.LAGGING), None)

    @property
    def ends(self) -> bool:
        """True for an entry that ended its episode. A later one may have reopened it."""
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
    times: int = 1
    """How often the problem began: the episode goes on if it comes back soon."""
    latest_began_at: datetime | None = None
    """When the problem last began. None: it began once."""
    flapping: bool = False
    """It comes and goes so often that neither its end nor its return is news. Then the episode stays open."""
    readings: int = 1
    """How many readings in a row showed the problem, while a channel waits for more of them."""
    hidden: Mapping[Event, int] = field(default_factory=lambda: _NOTHING_HIDDEN)
    """The changes since the pipeline flaps: the card counts them, and the thread has no entries."""
    diagnosis: Diagnosis | None = None
    """Why it failed, as far as the bot could read it. Only for failures."""
    usual_to_live: timedelta | None = None
    """Only for a deployment: how long the pipeline's earlier ones took. None: not known."""
    overdue_since: datetime | None = None
    """Only for a deployment that takes longer than usual."""
    redraw_at: datetime | None = None
    """Only while it flaps: before this time its changes update no message."""

    def key(self, team: TeamId, channel: ChannelId) -> str:
        """The deterministic key of this episode's card in one channel."""
        return stable_key(
            team, channel, self.pipeline_id, self.identity, *([str(self.generation)] if self.generation else ())
        )

    @property
    def latest_diagnosis(self) -> Diagnosis | None:
        """The diagnosis of the failure as it last began. A failure that came back has none until its own comes."""
        return self.diagnosis if self.diagnosis and self.diagnosis.began_at == self.began_at else None

    @property
    def end_of_run(self) -> str:
        """`stopped at block 1,200 of 5,000`, if a run that stopped short is the latest failure. Else empty."""
        return next((entry.reason for entry in reversed(self.timeline) if Event.FAILED in entry.events), "")

    def card_in(self, channel: ChannelId) -> str | None:
        """The key of this episode's card in the channel. Earlier versions could store two; then the first."""
        return next((key for key, conversation in self.cards.items() if conversation == channel), None)

    def with_entry(self, entry: TimelineEntry) -> "Episode":
        """Appends an entry. A long timeline keeps its beginning and its latest entries."""
        entries = (*self.timeline, entry)
        if len(entries) > ENTRIES_KEPT:
            entries = (*entries[: ENTRIES_KEPT // 2], *entries[-ENTRIES_KEPT // 2 :])
        return replace(self, revision=entry.revision, timeline=entries)

    def with_late_entry(self, entry: TimelineEntry) -> "Episode":
        """As `with_entry`. In a closed episode the entry comes before the last one, which ended it."""
        after = self.with_entry(entry)
        if self.open:
            return after
        *entries, ended, late = after.timeline
        return replace(after, timeline=(*entries, late, ended))

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
        needs_somebody = self.kind is EpisodeKind.FAILURE or self.pages_now
        return self.open and needs_somebody and self.resolved is None

    @property
    def pages_now(self) -> bool:
        """True if a page goes on. A deployment's pages end when the deployment is no longer stuck."""
        return any(page.status is not PageStatus.CLOSED for page in self.pages)

    @property
    def unanswered(self) -> bool:
        """True if it needs a person, and nobody has it."""
        return self.answerable and self.acknowledged is None

    @property
    def began_at(self) -> datetime:
        """When the problem began; after several times, the last one."""
        return self.latest_began_at or self.opened_at

    def waits_for(self, readings: int) -> bool:
        """True if a channel that asks for so many readings in a row does not hear of the problem yet."""
        return self.kind in {EpisodeKind.FAILURE, EpisodeKind.DEGRADED} and self.readings < readings

    @property
    def found_begun(self) -> bool:
        """Nobody knows when the problem began: the first reading found it."""
        return self.first_seen and self.times == 1

    @property
    def downtime_seconds(self) -> float | None:
        """How long the problem lasted, the last time; None while the episode is open."""
        return (self.closed_at - self.began_at).total_seconds() if self.closed_at else None


def open_failure(episode: Episode | None) -> Episode | None:
    """The episode, if it is a failure that goes on."""
    return episode if episode and episode.open and episode.kind is EpisodeKind.FAILURE else None


def diagnosable(episode: Episode | None) -> Episode | None:
    """The episode, if it is a failure that goes on, or one that recovered before its worker had a log."""
    if episode is None or episode.open or episode.outcome is not EpisodeOutcome.RECOVERED:
        return open_failure(episode)
    known = episode.latest_diagnosis if episode.kind is EpisodeKind.FAILURE else None
    return episode if known and known.log is LogOutcome.NOT_YET else None


def stable_key(*parts: str) -> str:
    """32 hex digits: short enough for a message's metadata, long enough never to collide."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
