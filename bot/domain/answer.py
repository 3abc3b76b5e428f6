"""Answers to commands and clicks: values for `slack` to render. `at` is the time of the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from bot.domain.cadence import EvenPolling
from bot.domain.catalogue import Pipeline
from bot.domain.diagnosis import Diagnosis
from bot.domain.episode import Acknowledgement, Episode
from bot.domain.follow_ups import FollowUpStyle
from bot.domain.names import AmbiguousReference, UnknownReference
from bot.domain.note import NO_GUIDANCE, Guidance, Note, NoteKind
from bot.domain.on_call_setup import SavedShadow
from bot.domain.silence import SilenceNote
from bot.domain.subscription import Edit
from bot.domain.transition import PipelineState
from bot.domain.usual_pace import Lag
from bot.domain.watch import ChannelId, SuspendReason, UserId, Watch

UnresolvedReference = AmbiguousReference | UnknownReference


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineView:
    """One pipeline as last known, for one channel."""

    pipeline: Pipeline
    state: PipelineState
    watched_here: bool = False
    """A watch of the channel covers it."""
    acknowledged: Acknowledgement | None = None
    resolved: Acknowledgement | None = None
    """The person who ended the paging for the open failure."""
    diagnosis: Diagnosis | None = None
    """Why it failed, if the failure is open."""
    overdue: Episode | None = None
    """The deployment that takes longer than nearly all before."""
    problem: str | None = None
    """Why the reading is older than it should be. The answer must not present it as the current state."""
    wait_until: datetime | None = None
    """The end of a wait that GoldRush asked for."""
    guidance: Guidance = NO_GUIDANCE
    lag: Lag | None = None
    """As measured a short time ago. Only for the answer about one pipeline."""
    learning_until: datetime | None = None
    """Until then the bot learns when the pipeline rests. Only for the answer about one pipeline."""
    silence: SilenceNote | None = None
    """The mute or maintenance window that holds back messages about it in the channel."""

    @property
    def answered(self) -> bool:
        """Somebody has the open failure, or ended its paging."""
        return self.acknowledged is not None or self.resolved is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """The answer to `status`: some pipelines, read as freshly as the budget allows, failures first."""

    views: Sequence[PipelineView]
    states: tuple[str, ...] = ()
    """The person asked only for pipelines in these states."""
    considered: Sequence[PipelineView] = ()
    """With `states`: all pipelines that were tested for them."""
    unresolved: tuple[UnresolvedReference, ...] = ()
    patterns: tuple[str, ...] = ()
    """The patterns that the person named."""
    whole_channel: bool = False
    """Nobody named a pipeline, so `views` are all that the channel watches."""
    channel: ChannelId | None = None
    """The conversation that gets the answer."""
    suspended: SuspendReason | None = None
    """Why that channel gets no messages now."""
    outage: str | None = None
    """Why the bot does not poll pipelines now."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAnswer:
    """The answer to `list`: all pipelines that match, failures first. `slack` shows one page of them at a time."""

    views: Sequence[PipelineView]
    words: str = ""
    """The words that each name, project or id contains."""
    states: tuple[str, ...] = ()
    considered: Sequence[PipelineView] = ()
    """As in `StatusAnswer`."""
    outage: str | None = None
    """As in `StatusAnswer`."""
    at: datetime
    problem: str | None = None
    """Why the listing failed, in words for people. Then `views` come from an earlier listing."""
    wait_until: datetime | None = None
    """The end of a wait that GoldRush asked for before the next listing."""
    nearest: tuple[Pipeline, ...] = ()
    """No pipeline has the words. These have similar names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPagingAnswer:
    """A person stopped their own pages."""

    by: UserId
    pipelines: tuple[Pipeline, ...]
    """The pipelines that the person chose; empty for all."""
    stopped: tuple[Watch, ...]
    """The watches that paged this person until now."""
    covers: tuple[int, ...] = ()
    """How many pipelines each of `stopped` covers."""
    others: int
    """How many watches still page this person."""
    policies: tuple[str, ...] = ()
    """The names of the policies that still name this person."""
    schedules: tuple[str, ...] = ()
    """The names of the schedules that still name this person."""
    shadows: tuple[SavedShadow, ...] = ()
    """By these, the person gets copies of pages as a learner."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersView:
    """The owners that new watches page, as far as the bot knows them."""

    problems: tuple[str, ...] = ()
    """The owners who reach nobody, as clauses."""
    unknown: bool = False
    """Some are still to be looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchAnswer:
    """The answer to `watch`. If a name is `unresolved`, nothing was changed."""

    channel: ChannelId
    """The watching channel."""
    edits: tuple[Edit, ...] = ()
    """The watches made or changed."""
    unchanged: tuple[Watch, ...] = ()
    """The watches that were like this already."""
    matched: Sequence[PipelineView] = ()
    """The pipelines that these watches cover now."""
    unresolved: tuple[UnresolvedReference, ...] = ()
    undo: str = ""
    """The id of the stored undo."""
    still_listing: bool = False
    """The first listing is under way, so more pipelines may match soon."""
    polling: EvenPolling | None = None
    """All polled pipelines, and the budget."""
    owners: OwnersView | None = None
    """Of watches that page the owner."""
    at: datetime

    @property
    def added(self) -> tuple[Watch, ...]:
        """The new and changed watches."""
        return tuple(edit.after for edit in self.edits if edit.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedAnswer:
    """The patterns match no pipeline now, so the person must confirm first."""

    patterns: tuple[str, ...]
    nearest: tuple[Pipeline, ...] = ()
    """Pipelines with similar names."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwatchAnswer:
    """The answer to `unwatch`. Nothing was changed if a name is `unresolved`, or if `would_end` has watches."""

    channel: ChannelId
    removed: tuple[Watch, ...] = ()
    not_watched: tuple[str, ...] = ()
    """Names and patterns that the channel does not watch."""
    unresolved: tuple[UnresolvedReference, ...] = ()
    covered: tuple[str, ...] = ()
    """Names of pipelines that the channel still watches through a remaining pattern."""
    still_covered_by: tuple[Watch, ...] = ()
    """Those patterns."""
    still_watched: tuple[Watch, ...] = ()
    """Other remaining watches that cover a part of the removed ones."""
    would_end: tuple[Watch, ...] = ()
    """What would end: watches that the person named, and others that a named pattern covers. It needs a yes."""
    failing: int = 0
    """Failures that go on, and whose cards ended with the watches."""
    undo: str = ""
    """The id of the stored undo."""
    at: datetime


class UndoFate(Enum):
    """The outcome of a click on *Undo*."""

    DONE = "done"
    CHANGED_SINCE = "changed since"
    GONE = "gone"  # used, too old, or of another conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAnswer:
    """The answer to a click on *Undo*. `edits`: the changes that it made."""

    channel: ChannelId
    fate: UndoFate
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedView:
    """One watch and the pipelines that it covers, including those that are no longer visible."""

    watch: Watch
    covers: Sequence[PipelineView]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchesAnswer:
    """The answer to `watches`: all watches of a channel."""

    channel: ChannelId
    watches: tuple[WatchedView, ...]
    here: bool = True
    """True if the person asked in this channel."""
    silences: tuple[SilenceNote, ...] = ()
    """The channel's mutes, maintenance windows and quiet hours."""
    follow_ups: FollowUpStyle = FollowUpStyle.BROADCAST
    suspended: SuspendReason | None = None
    """Why the channel gets no messages now."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedView:
    """A failed pipeline, and the channels that watch it. The caller checks which of them a person may see."""

    view: PipelineView
    channels: tuple[ChannelId, ...]
    silences: Mapping[ChannelId, SilenceNote] = field(default_factory=dict)
    """The channels among these where it is muted or in maintenance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresAnswer:
    """All watched pipelines that have failed and not recovered."""

    failed: tuple[FailedView, ...]
    anything_watched: bool = True
    unread: int = 0
    """How many watched pipelines have no reading yet."""
    outage: str | None = None
    """Why the bot reads no pipeline now, so that others may have failed since."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalAnswer:
    """A click or command that changes nothing, and why."""

    reason: str
    """In whole sentences, for the person."""
    hint: str = ""
    """Advice."""
    command: str = ""
    """A command to type instead."""
    in_goldrush: bool = False
    """The person can do it in GoldRush instead."""
    unknown: str = ""
    """The typed name of no policy or schedule. Then the typed command with `nearest` in its place is the suggestion."""
    nearest: str = ""


class AcknowledgeFate(Enum):
    """The outcome of a click on *Acknowledge*, *Snooze*, *Take over* or *Resolve*."""

    ACKNOWLEDGED = "acknowledged"
    ALREADY_ACKNOWLEDGED = "answered"  # somebody acknowledged it before
    RESOLVED = "resolved"  # this click ended the paging, or an earlier one did
    OVER = "over"  # the failure has ended
    UNWATCHED = "unwatched"  # nobody watches the pipeline any more
    UNKNOWN = "unknown"  # the store was emptied, and lacks the failure


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAnswer:
    """The answer to an acknowledgement of one failure."""

    pipeline: Pipeline
    fate: AcknowledgeFate
    by: UserId | None = None
    """The person who acknowledged or resolved the failure, now or before."""
    by_name: str = ""
    at: datetime | None = None
    """When that person did."""
    until: datetime | None = None
    """The end of the promise or snooze."""
    snoozed: bool = False
    changed: bool = True
    """False if an earlier click did it."""
    own: bool = False
    """The person who asks is the one who acknowledged or resolved."""
    ended: Episode | None = None
    """The failure, if it is over."""
    taken_from: str = ""
    """The name of the person who had the failure before."""
    remark: str = ""
    """What the person said about it."""
    watched: bool = False
    """A channel watches the pipeline now."""
    current: StatusAnswer | None = None
    """The pipeline's current state, if the store does not know the failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAllAnswer:
    """The answer to an acknowledgement of all failures in one group's message."""

    acknowledged: int
    """How many this click acknowledged, snoozed or resolved. Others were acknowledged or over before."""
    known: int = 1
    """How many cards of the group the store has; 0 if it has lost them."""
    until: datetime | None = None
    """The end of the promise or snooze."""
    snoozed: bool = False
    resolved: bool = False
    """The person asked to end the paging."""
    others: tuple[str, ...] = ()
    """For each failure that somebody else keeps: that person's name."""
    names: tuple[str, ...] = ()
    """The pipelines of the acknowledged failures, if a message without a list of its own names them."""


class NoteChange(Enum):
    """The outcome of a `runbook` or `note` command."""

    SHOWN = "shown"
    SET = "set"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    ABSENT = "absent"  # there was none to remove


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAnswer:
    """The answer to `runbook` or `note`."""

    kind: NoteKind
    label: str
    """The pipeline's name, or the pattern."""
    pattern: bool
    """`label` is a pattern."""
    change: NoteChange
    applies: Note | None = None
    """The note that failure cards show now. It may belong to another pattern."""
    before: Note | None = None
    """The note that was replaced or removed."""
    covers: tuple[str, ...] = ()
    """The names that the pattern matches now."""
    failed: int = 0
    """How many open failure cards were updated."""
    by: UserId | None = None
    """The person who changed it. None: it was only shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteUnresolved:
    """`runbook` or `note` changed nothing: no pipeline has that name, or several have it."""

    kind: NoteKind
    reference: UnresolvedReference
    text: str = ""
    """The new text, for the corrected command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpAnswer:
    """The answer to `help`. `topic`: a command; None for all commands."""

    topic: str | None = None


Answer = (
    StatusAnswer
    | ListAnswer
    | WatchAnswer
    | UnmatchedAnswer
    | UnwatchAnswer
    | UndoAnswer
    | WatchesAnswer
    | RefusalAnswer
    | AcknowledgeAnswer
    | AcknowledgeAllAnswer
    | NoteAnswer
    | NoteUnresolved
    | StopPagingAnswer
    | HelpAnswer
)
