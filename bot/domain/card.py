"""What a message says, without saying how it looks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.catalogue import Pipeline
from bot.domain.episode import Episode, TimelineEntry
from bot.domain.note import NO_GUIDANCE, Guidance
from bot.domain.transition import Event, PipelineState
from bot.domain.watch import ChannelId, SuspendReason, Target, UserId, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOrigin:
    """Who made a watch that pages someone, in which channel, and what it watches. Rows of earlier versions hold no
    name, or no reference."""

    by: UserId
    name: str
    channel: ChannelId
    reference: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One episode as one channel sees it: the root message, always rendered whole."""

    key: str
    channel: ChannelId
    """By the id that it had when this was written."""
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
    """Where this failure is still followed, though this person is no longer paged for it."""
    came_at: int = 0
    """The revision with which it came to the channel, or comes."""

    @property
    def revision(self) -> int:
        return self.episode.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadEntry:
    """One line of the story, in the card's thread; `broadcast` shows it in the channel too."""

    card_key: str
    pipeline: Pipeline
    entry: TimelineEntry
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class SyncCard:
    """The card is to show its latest revision, whatever it shows now. The content is looked up when it is sent."""

    card_key: str


@dataclass(frozen=True, slots=True)
class SyncGroup:
    """The message that stands for several cards is to show the latest of each. `grown`: the group that it is part of
    has more of them now."""

    group_key: str
    grown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineBatch:
    """Several lines in one message of the thread of one story: a group's, or a card's that could not be told on.

    `broadcast` shows it in the channel too; `left_out`: how many in the middle are not kept.
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
    """What one pipeline went through while nobody could be notified. `counts`: how often each event occurred.

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
    """A failure that somebody is asked to look at, with its card. `since`: when it began, or was first read."""

    pipeline: Pipeline
    card_key: str
    since: datetime
    first_seen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message of its own, outside any episode."""

    kind: NoticeKind
    at: datetime
    by: UserId | None = None
    by_name: str = ""
    watches: tuple[Watch, ...] = ()
    covers: tuple[int, ...] = ()
    """How many pipelines each of `watches` covers. Rows of earlier versions hold none."""
    before: tuple[Watch, ...] = ()
    """The earlier state of changed `watches`, or the watches that *Undo* removed."""
    staying: tuple[Watch, ...] = ()
    """Watches that stay, and cover a part of what the removed `watches` covered."""
    undo: str = ""
    """The id of the stored undo for this change."""
    targets: tuple[Target, ...] = ()
    failures: tuple[OpenFailure, ...] = ()
    channel: ChannelId | None = None
    reason: SuspendReason | None = None
    instead: ChannelId | None = None
    """Where is heard meanwhile what that channel watches."""
    since: datetime | None = None
    missed: tuple[DigestEntry, ...] = ()
    unread: int = 0
    """How many pipelines could not be read since."""
    channels: tuple[ChannelId, ...] = ()
    keys: tuple[str, ...] = ()
    """Names of the lost keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Many stories, told in one message: they waited too long, or were too many, for one each."""

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
    """A message that was sent again is looked for once more: if the first try landed after all, one of them goes.

    `shows`: the cards that stand in it, with `of_group` telling whether it is a group's message.
    """

    of: str
    after_id: str = ""
    parent_id: str | None = None
    shows: tuple[str, ...] = ()
    of_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Many failures that came at once, told in one message. A group that outgrows one message has several: `in_burst`
    counts the pipelines of all of them, and `first` is the first of these messages."""

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
    """A card as the store knows it: what it is to say, where it stands in Slack, and at which revision.

    `came_at` is the revision with which it came; `group` the message that it is part of, where it has none of its own.
    """

    content: Card
    revision: int
    message_id: str | None = None
    shown_revision: int = 0
    removed: bool = False
    group: str | None = None
    came_at: int = 0
    held: int = 0
    """Above 0: the bot held this page back, and a summary covers the episode up to this revision."""

    @property
    def drawn(self) -> Card:
        return replace(self.content, came_at=self.came_at or self.revision)

    def has_told(self, line: TimelineEntry) -> bool:
        """It came after its story had ended, and said so: the line that tells of the end would say it once more."""
        return line.ends and self.came_at >= line.revision


Body = SyncCard | ThreadEntry | TimelineBatch | Notice | SyncGroup | Digest | HeldPages | Recheck
Content = Card | ThreadEntry | TimelineBatch | Notice | Group | Digest | HeldPages
