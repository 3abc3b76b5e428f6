"""Answers to commands: values for `slack` to render, with the age of each fact."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bot.domain.catalogue import AmbiguousReference, Pipeline, UnknownReference
from bot.domain.episode import Acknowledgement
from bot.domain.note import NO_GUIDANCE, Guidance, Note, NoteKind
from bot.domain.subscription import Edit
from bot.domain.transition import PipelineState
from bot.domain.watch import ChannelId, SuspendReason, UserId, Watch

UnresolvedReference = AmbiguousReference | UnknownReference


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineView:
    """One pipeline as last known. `wait_until`: the end of a wait that GoldRush asked for.

    `problem`: why the reading is older than it should be. An answer must not present it as the current state.
    """

    pipeline: Pipeline
    state: PipelineState
    watched_here: bool = False
    acknowledged: Acknowledgement | None = None
    problem: str | None = None
    wait_until: datetime | None = None
    guidance: Guidance = NO_GUIDANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """`channel`: where the answer goes. `whole_channel`: nobody named a pipeline, so `views` are all that it watches.

    `states`: the person asked only for pipelines in these states, out of `considered`. `suspended`: why the channel
    gets no messages now.
    """

    views: tuple[PipelineView, ...]
    states: tuple[str, ...] = ()
    considered: tuple[PipelineView, ...] = ()
    unresolved: tuple[UnresolvedReference, ...] = ()
    whole_channel: bool = False
    channel: ChannelId | None = None
    suspended: SuspendReason | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAnswer:
    """`states` and `considered` as in `StatusAnswer`."""

    views: tuple[PipelineView, ...]
    words: str = ""
    states: tuple[str, ...] = ()
    considered: tuple[PipelineView, ...] = ()
    at: datetime
    problem: str | None = None
    wait_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPagingAnswer:
    """`stopped`: the watches that paged this person until now. `others`: how many others still do.
    `covers`: how many pipelines each of `stopped` covers.

    `pipelines` is empty if the person chose all pipelines.
    """

    by: UserId
    pipelines: tuple[Pipeline, ...]
    stopped: tuple[Watch, ...]
    covers: tuple[int, ...] = ()
    others: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchAnswer:
    """`matched`: the pipelines that the watch covers now, with their states. `channel`: the watching channel.

    `edits`: the watches made or changed; none if a name is `unresolved`. `undo`: the id of the undo.
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
        """The new and changed watches."""
        return tuple(edit.after for edit in self.edits if edit.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedAnswer:
    """The patterns match no pipeline now, so the person must confirm first. `nearest`: similar names."""

    patterns: tuple[str, ...]
    nearest: tuple[Pipeline, ...] = ()
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwatchAnswer:
    """Nothing was changed if a name is `unresolved`, or if this `would_end` watches that nobody named.

    `still_covered_by`: remaining patterns that cover the pipelines `covered`. `still_watched`: other remaining watches
    that cover a part of the removed ones.
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
    """One watch and the pipelines that it covers, including those that are no longer visible."""

    watch: Watch
    covers: tuple[PipelineView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchesAnswer:
    channel: ChannelId
    watches: tuple[WatchedView, ...]
    here: bool = True
    """True if the person asked in this channel."""
    suspended: SuspendReason | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedView:
    """A failed pipeline, and the channels that watch it. The caller checks which of them a person may see."""

    view: PipelineView
    channels: tuple[ChannelId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresAnswer:
    """All watched pipelines that have failed. `outage`: why the bot reads none now, so others may have failed since."""

    failed: tuple[FailedView, ...]
    outage: str | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalAnswer:
    """A click or command that changes nothing, and why. `command`: a command to type instead. `hint`: other advice."""

    reason: str
    hint: str = ""
    command: str = ""
    in_goldrush: bool = False
    """The person can do it in GoldRush instead."""


class AcknowledgeFate(Enum):
    """The outcome of an acknowledgement."""

    ACKNOWLEDGED = "acknowledged"
    ALREADY_ACKNOWLEDGED = "answered"  # somebody acknowledged it before
    OVER = "over"
    UNWATCHED = "unwatched"
    UNKNOWN = "unknown"  # the store was emptied, and lacks the failure


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAnswer:
    """`by` and `at`: who acknowledged the failure, and when. `watched`: a channel watches the pipeline now.

    `current`: the pipeline's current state, if the store does not know the failure.
    """

    pipeline: Pipeline
    fate: AcknowledgeFate
    by: UserId | None = None
    by_name: str = ""
    at: datetime | None = None
    watched: bool = False
    current: StatusAnswer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAllAnswer:
    """How many failures of one group this click acknowledged, out of the `known` ones in the store."""

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
    """`applies`: the note that failure cards show now, perhaps from another pattern. `before`: the replaced note.

    `covers`: the names that a pattern matches now. `failed`: how many of them have an open failure card.
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
    """Nothing was changed: no pipeline has that name, or several have it. `text`: the new text."""

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
    | RefusalAnswer
    | AcknowledgeAnswer
    | AcknowledgeAllAnswer
    | NoteAnswer
    | NoteUnresolved
    | StopPagingAnswer
    | HelpAnswer
)
