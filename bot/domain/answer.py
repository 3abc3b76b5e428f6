"""What a person is told when they ask: values for `slack` to render, each saying how old what it says is."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bot.domain.catalogue import Ambiguous, Pipeline, Unknown
from bot.domain.episode import Acknowledgement
from bot.domain.note import NO_GUIDANCE, Guidance, Note, NoteKind
from bot.domain.subscription import Edit
from bot.domain.transition import PipelineState
from bot.domain.watch import ChannelId, SuspendReason, UserId, Watch

UnresolvedReference = Ambiguous | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineView:
    """One pipeline as last known. `problem`: why the reading is not fresh although it should be. The answer then can't
    present it as the current state. `wait_until`: the end of the wait that GoldRush asked for."""

    pipeline: Pipeline
    state: PipelineState
    watched_here: bool = False
    acknowledged: Acknowledgement | None = None
    problem: str | None = None
    wait_until: datetime | None = None
    guidance: Guidance = NO_GUIDANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """`whole_channel`: nobody named a pipeline, so these are all that `channel` watches. `suspended`: why it rests.

    `states`: only those in one of these states were asked for, out of `looked_at` pipelines.
    """

    views: tuple[PipelineView, ...]
    states: tuple[str, ...] = ()
    looked_at: tuple[PipelineView, ...] = ()
    unresolved: tuple[UnresolvedReference, ...] = ()
    whole_channel: bool = False
    channel: ChannelId | None = None
    suspended: SuspendReason | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAnswer:
    """`states` and `looked_at` as in `StatusAnswer`."""

    views: tuple[PipelineView, ...]
    words: str = ""
    states: tuple[str, ...] = ()
    looked_at: tuple[PipelineView, ...] = ()
    at: datetime
    problem: str | None = None
    wait_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPagingAnswer:
    """`stopped`: the watches that paged this person until now. `others`: how many others still do.
    `covers`: how many pipelines each of `stopped` covers.

    No `pipelines`: it was about all of them.
    """

    by: UserId
    pipelines: tuple[Pipeline, ...]
    stopped: tuple[Watch, ...]
    covers: tuple[int, ...] = ()
    others: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchAnswer:
    """`matched` is what the watch covers now, as it stands right now. `channel` is where it was made.

    `edits`: what was made or changed. Where something is `unresolved`, nothing was. `undo` takes it back.
    """

    channel: ChannelId
    edits: tuple[Edit, ...] = ()
    unchanged: tuple[Watch, ...] = ()
    matched: tuple[PipelineView, ...] = ()
    unresolved: tuple[UnresolvedReference, ...] = ()
    undo: str = ""
    at: datetime

    @property
    def added(self) -> tuple[Watch, ...]:
        """As they are now."""
        return tuple(edit.after for edit in self.edits if edit.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedAnswer:
    """Patterns that take in no pipeline now, so nothing was changed until someone confirms. `nearest`: names alike."""

    patterns: tuple[str, ...]
    nearest: tuple[Pipeline, ...] = ()
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwatchAnswer:
    """Where something is `unresolved`, or it `would_end` watches that nobody named, nothing was changed.

    `still_covered_by`: patterns that stay, and cover the pipelines `covered`. `still_watched`: other watches that stay,
    and cover a part of what was removed.
    """

    channel: ChannelId
    removed: tuple[Watch, ...] = ()
    not_watched: tuple[str, ...] = ()
    unresolved: tuple[UnresolvedReference, ...] = ()
    covered: tuple[str, ...] = ()
    still_covered_by: tuple[Watch, ...] = ()
    still_watched: tuple[Watch, ...] = ()
    would_end: tuple[Watch, ...] = ()
    undo: str = ""
    at: datetime


class UndoFate(Enum):
    """The outcome of a click on *Undo*."""

    DONE = "done"
    CHANGED_SINCE = "changed since"
    GONE = "gone"  # used, too old, or of another conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAnswer:
    channel: ChannelId
    fate: UndoFate
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedView:
    """One watch, what it covers now, and those of its pipelines that are no longer visible."""

    watch: Watch
    covers: tuple[PipelineView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchesAnswer:
    channel: ChannelId
    watches: tuple[WatchedView, ...]
    here: bool = True
    """It is the channel where somebody asked."""
    suspended: SuspendReason | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A click or command that changes nothing, and why. `command`: what to type instead. `hint`: other advice."""

    reason: str
    hint: str = ""
    command: str = ""
    in_goldrush: bool = False
    """The person can do it in GoldRush instead."""


class Fate(Enum):
    """What an acknowledgement came to."""

    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"  # by somebody before
    OVER = "over"
    UNWATCHED = "unwatched"
    UNKNOWN = "unknown"  # the store does not have it: it was emptied


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAnswer:
    """`by` and `at` say who answered it, and when. `watched`: somebody watches the pipeline now. `stands`: how it is,
    where nothing is known of the failure."""

    pipeline: Pipeline
    fate: Fate
    by: UserId | None = None
    by_name: str = ""
    at: datetime | None = None
    watched: bool = False
    stands: StatusAnswer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAllAnswer:
    """How many failures of one group were answered by this click, of those that are known."""

    acknowledged: int
    known: int = 1


class NoteChange(Enum):
    """The outcome of a `runbook` or `note` command."""

    SHOWN = "shown"
    SET = "set"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    ABSENT = "absent"  # there was none to remove


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAnswer:
    """`applies`: the note that failure cards show now, perhaps another pattern's. `before`: this one's earlier note.

    `covers` are the names that a pattern takes in now. `failed`: how many of them have an open failure card.
    """

    kind: NoteKind
    label: str
    pattern: bool
    change: NoteChange
    applies: Note | None = None
    before: Note | None = None
    covers: tuple[str, ...] = ()
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteUnresolved:
    """Nothing was changed: no pipeline, or more than one, has that name. `text`: the new text."""

    kind: NoteKind
    reference: UnresolvedReference
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpAnswer:
    topic: str | None = None


Answer = (
    StatusAnswer
    | ListAnswer
    | WatchAnswer
    | UnmatchedAnswer
    | UnwatchAnswer
    | UndoAnswer
    | WatchesAnswer
    | Refusal
    | AcknowledgeAnswer
    | AcknowledgeAllAnswer
    | NoteAnswer
    | NoteUnresolved
    | StopPagingAnswer
    | HelpAnswer
)
