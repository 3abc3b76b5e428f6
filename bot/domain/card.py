"""The content of messages. `slack` renders it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.catalogue import Pipeline
from bot.domain.episode import Episode, TimelineEntry
from bot.domain.note import NO_GUIDANCE, Guidance, Note
from bot.domain.transition import Event, PipelineState
from bot.domain.watch import ChannelId, SuspendReason, Target, UserId, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOrigin:
    """Who made a watch that pages someone, where, and for which pipelines. Earlier versions stored no name, or no
    reference."""

    by: UserId
    name: str
    channel: ChannelId
    reference: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One episode in one channel: the message at the top of a thread. Each update renders all of it."""

    key: str
    channel: ChannelId
    """The channel's id when the bot wrote this row."""
    pipeline: Pipeline
    episode: Episode
    state: PipelineState
    targets: tuple[Target, ...] = ()
    stands_in_for: tuple[ChannelId, ...] = ()
    """The channels that take no messages; this fallback channel gets their cards."""
    guidance: Guidance = NO_GUIDANCE
    """The runbook and note when this row was written; only for failures."""
    unread_at: datetime | None = None
    """When a *Refresh* last failed to read the pipeline."""
    origins: tuple[PageOrigin, ...] = ()
    """The people who set up the paging, and where."""
    continues_in: tuple[ChannelId, ...] = ()
    """Channels that still follow this failure, though it no longer pages this person."""

    @property
    def revision(self) -> int:
        return self.episode.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadEntry:
    """One timeline entry, in the card's thread. `broadcast` shows it in the channel too."""

    card_key: str
    pipeline: Pipeline
    entry: TimelineEntry
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class SyncCard:
    """Posts or updates a card. The sender looks up the latest content."""

    card_key: str


@dataclass(frozen=True, slots=True)
class SyncGroup:
    """Posts or updates a group's message with the latest content of each card. `grown`: more failures joined the
    group."""

    group_key: str
    grown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineBatch:
    """Several timeline entries in one message of a thread: a group's, or that of a card that waited too long.

    `broadcast` shows it in the channel too. `left_out`: how many entries in the middle are missing.
    """

    thread_key: str
    of_group: bool
    entries: tuple[ThreadEntry, ...]
    left_out: int = 0
    broadcast: bool = False
    all_recovered: int = 0
    """The number of pipelines in the group if all have recovered; else 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestEntry:
    """One pipeline's events while nobody could be notified. `counts`: how often each event occurred.

    If the episode was still open, `card_key` is its card and `revision` how far it was counted. The card is posted
    later, with the whole episode.
    """

    pipeline: Pipeline
    counts: Mapping[Event, int]
    since: datetime
    until: datetime
    last: TimelineEntry
    card_key: str = ""
    revision: int = 0


class NoticeKind(StrEnum):
    WATCHING = "watching"
    UNWATCHED = "unwatched"
    PAGING_STOPPED = "paging_stopped"
    UNDONE = "undone"
    NOT_PAGED = "not_paged"
    CALL = "call"
    SUSPENDED = "parked"
    BLIND = "blind"
    ROLLED_BACK = "rolled_back"
    EMPTY = "empty"
    HELLO = "hello"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFailure:
    """A failure that a call pages for, and its card. `since`: when it began, or was first read."""

    pipeline: Pipeline
    card_key: str
    since: datetime
    first_seen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message outside any episode."""

    kind: NoticeKind
    at: datetime
    by: UserId | None = None
    by_name: str = ""
    watches: tuple[Watch, ...] = ()
    covers: tuple[int, ...] = ()
    """How many pipelines each of `watches` covers. Empty in rows of earlier versions."""
    before: tuple[Watch, ...] = ()
    """The earlier state of changed `watches`, or the watches that *Undo* removed."""
    staying: tuple[Watch, ...] = ()
    """Remaining watches that cover a part of the pipelines of the removed `watches`."""
    undo: str = ""
    """The id of the stored undo for this change."""
    targets: tuple[Target, ...] = ()
    failures: tuple[OpenFailure, ...] = ()
    channel: ChannelId | None = None
    reason: SuspendReason | None = None
    instead: ChannelId | None = None
    """The fallback channel that gets the suspended channel's messages meanwhile."""
    since: datetime | None = None
    missed: tuple[DigestEntry, ...] = ()
    unread: int = 0
    """How many pipelines the bot could not read since then."""
    channels: tuple[ChannelId, ...] = ()
    keys: tuple[str, ...] = ()
    """Names of the lost keys."""
    notes: tuple[Note, ...] = ()
    """Lost runbooks and notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Many episodes in one message: they waited too long, or were too many, for a message each."""

    key: str
    entries: tuple[DigestEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPages:
    """The summary of one person's direct pages beyond the hourly limit."""

    key: str
    limit: int
    entries: tuple[DigestEntry, ...]


@dataclass(frozen=True, slots=True)
class Recheck:
    """After a resend, looks for the message again. If the first try arrived after all, deletes one of the two.

    `shows`: the cards in the message. `of_group`: it is a group's message.
    """

    of: str
    after_id: str = ""
    parent_id: str | None = None
    shows: tuple[str, ...] = ()
    of_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Many simultaneous failures in one message. If they need several messages, `in_burst` counts the pipelines of all
    of them, and `first` marks the first message."""

    key: str
    channel: ChannelId
    cards: tuple[Card, ...]
    in_burst: int = 0
    first: bool = True

    @property
    def revision(self) -> int:
        return sum(card.revision for card in self.cards)


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """The number of failures in all messages of a group, and whether this message is the first."""

    total: int = 0
    first: bool = True


ALONE = Burst()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedCard:
    """A stored card: its content, its message, and the revision that this message shows.

    `group`: the group's message that shows the card.
    """

    content: Card
    revision: int
    message_id: str | None = None
    shown_revision: int = 0
    removed: bool = False
    group: str | None = None
    held: int = 0
    """Above 0: the bot held this page back, and a summary covers the episode up to this revision."""


Body = SyncCard | ThreadEntry | TimelineBatch | Notice | SyncGroup | Digest | HeldPages | Recheck
Content = Card | ThreadEntry | TimelineBatch | Notice | Group | Digest | HeldPages
