"""The content of every kind of message, as data. `slack` renders it.

The fields are stored in Redis, so a new name needs an upgrade of older rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.catalogue import Pipeline
from bot.domain.drill import Drill
from bot.domain.episode import Episode, TimelineEntry
from bot.domain.note import NO_GUIDANCE, Guidance, Note
from bot.domain.pager import PagerEvent
from bot.domain.schedule_messages import ScheduleReport, ShiftHandover
from bot.domain.setup import SetupKind
from bot.domain.silence import SilenceNote
from bot.domain.transition import Event, PipelineState
from bot.domain.watch import ChannelId, SuspendReason, Target, UserId, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOrigin:
    """A watch that pages someone, as its card explains it. Rows of earlier versions lack the name or the reference."""

    by: UserId
    """The person who made the watch."""
    name: str
    """That person's name, as plain text."""
    channel: ChannelId
    """The channel of the watch."""
    reference: str = ""
    """The watched pipeline's id, or a pattern."""
    label: str = ""
    """The watched pipeline's name when the watch was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One episode in one channel: the message at the top of a thread. Each update renders all of it."""

    key: str
    """`Episode.key` of the episode and this channel."""
    channel: ChannelId
    """The channel's id when the bot wrote this row."""
    pipeline: Pipeline
    episode: Episode
    state: PipelineState
    targets: tuple[Target, ...] = ()
    """The people and groups that a failure pages here."""
    stands_in_for: tuple[ChannelId, ...] = ()
    """The channels that take no messages; this fallback channel gets their cards."""
    guidance: Guidance = NO_GUIDANCE
    """The runbook and note when this row was written; only for failures."""
    unread_at: datetime | None = None
    """When a *Refresh* last failed to read the pipeline."""
    origins: tuple[PageOrigin, ...] = ()
    """The people who set up the paging, and where."""
    continues_in: tuple[ChannelId, ...] = ()
    """Only in the last update of a paged person's direct message: the channels that still follow this failure."""
    silence: SilenceNote | None = None
    """The mute or maintenance window that holds back news about this episode here."""

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
    in_channel: bool = False
    """If it is broadcast: the channel gets it as a message of its own instead, outside the thread."""


@dataclass(frozen=True, slots=True)
class SyncCard:
    """Posts or updates a card. The sender looks up the latest content."""

    card_key: str


@dataclass(frozen=True, slots=True)
class SyncGroup:
    """Posts or updates a group's message with the latest content of each card."""

    group_key: str
    """`PostedGroup` says which key a group has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Turns the posted message of a card into a line that points to the group: the card has moved there."""

    card_key: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineBatch:
    """Several timeline entries in one message of a thread."""

    thread_key: str
    """The key of the card or group at the top of the thread."""
    of_group: bool
    """`thread_key` is a group's."""
    entries: tuple[ThreadEntry, ...]
    left_out: int = 0
    """The number of entries in the middle that a long timeline leaves out."""
    broadcast: bool = False
    """Shows the message in the channel too."""
    in_channel: bool = False
    """As in `ThreadEntry`."""
    all_recovered: int = 0
    """The number of pipelines in the group if all have recovered; else 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestEntry:
    """What one pipeline went through in a period, in one line of a summary."""

    pipeline: Pipeline
    counts: Mapping[Event, int]
    """How often each event occurred."""
    since: datetime
    until: datetime
    last: TimelineEntry
    """The latest entry, which tells the current state."""
    card_key: str = ""
    """The card of an episode that is still open. It follows later, with the whole episode."""
    revision: int = 0
    """The last revision of that episode that `counts` includes. A later digest counts from there."""


class CallReason(StrEnum):
    """Why a page calls its targets now. The values are part of stored rows."""

    STEP = "step"
    """Nobody answered the step before, or this is the first one."""
    REPEATED = "repeated"
    """Nobody answered in an earlier round."""
    PROMISE_MISSED = "promise_missed"
    """The time is over for which a person acknowledged or snoozed the failure."""
    FAILED_AGAIN = "failed_again"
    """The pipeline failed again after a person had acknowledged it."""
    NAMED = "named"
    """A watch names these targets since a moment ago."""
    LAST_RESORT = "last_resort"
    """All rounds are over."""
    NOBODY_ANSWERED = "nobody_answered"
    """All rounds are over, and the policy names no last resort."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCall:
    """The place of a call in its page's escalation."""

    reason: CallReason
    policy: str = ""
    """Empty: the watches name the targets themselves."""
    step: int = 0
    """From 1 on; 0 for a call that is no step."""
    steps: int = 0
    promised_until: datetime | None = None
    """The end of the promise that was missed."""


class NoticeKind(StrEnum):
    """The occasions for a notice. The values are part of stored rows, so they never change."""

    WATCHING = "watching"
    """Somebody added or changed watches of this channel."""
    UNWATCHED = "unwatched"
    """Somebody removed watches of this channel."""
    PAGING_STOPPED = "paging_stopped"
    """A person stopped their own pages. Goes to the channel, and to the people who set up the paging."""
    UNDONE = "undone"
    """Somebody clicked *Undo* on one of the first two."""
    NOT_PAGED = "not_paged"
    """Tells one person that somebody else removed them from a watch."""
    LATE_PAGE = "call"
    """Pages the people that a watch names only after the failure began."""
    SILENCED = "silenced"
    """Somebody muted pipelines, planned maintenance or set quiet hours in this channel."""
    UNSILENCED = "unsilenced"
    """Somebody ended mutes, maintenance windows or quiet hours of this channel."""
    CALL_AGAIN = "call_again"
    """A later step of a page: nobody has answered so far."""
    SUSPENDED = "parked"
    """Tells the maker of a watch that its channel takes no messages."""
    BLIND = "blind"
    """No bot read any pipeline for a while."""
    ROLLED_BACK = "rolled_back"
    """Redis lost watches or notes."""
    EMPTY = "empty"
    """Redis was emptied, so all watches are lost."""
    HELLO = "hello"
    """Greets a channel to which somebody added the bot."""
    INCOMPLETE = "incomplete"
    """Redis lost single keys, and the bot restored them."""
    LATE = "late"
    """The budget does not pay for the promised age of readings."""
    FRESH = "fresh"
    """Readings are as fresh as promised again."""
    DRILL = "drill"
    """A test that goes the ways of a page, and its report."""
    DEFAULT_POLICY = "default_policy"
    """Somebody changed the default policy of this channel."""
    FOLLOW_UPS = "follow_ups"
    """Somebody chose another style for the follow-ups of this channel."""
    UNREACHED = "unreached"
    """Settings of this channel name people who can't be paged, or page nobody."""
    HEARD = "heard"
    """The bot reads and delivers again, after its dead man's switch warned of its silence."""
    GROUP_PAGE = "group_page"
    """Pages people for failures that joined a posted group: an update of its message pings nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFailure:
    """A failure that a late page is about, and its card. `since`: when it began, or was first read."""

    pipeline: Pipeline
    card_key: str
    since: datetime
    first_seen: bool = False

    @classmethod
    def of(cls, episode: Episode, pipeline: Pipeline, card_key: str) -> "OpenFailure":
        """The latest failure of the episode's story."""
        return cls(pipeline=pipeline, card_key=card_key, since=episode.began_at, first_seen=episode.found_begun)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message about watches or about the bot itself, outside any episode.

    One class for all kinds, because rows of earlier versions have this form. Each kind uses some of the fields:

    WATCHING, UNWATCHED, UNDONE   by, watches, before, staying (UNWATCHED only), undo (not UNDONE)
    PAGING_STOPPED                by, watches, covers, channel (only in the copy for a maker)
    NOT_PAGED                     by, watches, channel
    LATE_PAGE                     by, targets, failures
    SILENCED, UNSILENCED          by, silences
    CALL_AGAIN                    targets, failures, call, in_thread, broadcast
    SUSPENDED                     watches, channel, reason, instead
    BLIND                         since, missed, unread
    HEARD                         since
    DRILL                         by, channel, drill
    ROLLED_BACK                   watches, notes, setup
    UNREACHED                     setup
    DEFAULT_POLICY                by, setup (the new policy and the old one; empty: none)
    FOLLOW_UPS                    by, setup (the new style and the old one)
    EMPTY                         channels
    INCOMPLETE                    keys
    HELLO                         none
    LATE, FRESH                   promised, oldest (LATE only)
    GROUP_PAGE                    targets, failures
    """

    kind: NoticeKind
    at: datetime
    by: UserId | None = None
    """The person who changed the watches."""
    by_name: str = ""
    """That person's name, as plain text."""
    watches: tuple[Watch, ...] = ()
    """The changed, removed, affected or lost watches."""
    covers: tuple[int, ...] = ()
    """How many pipelines each of `watches` covers. Empty in rows of earlier versions."""
    before: tuple[Watch, ...] = ()
    """The earlier state of changed `watches`, or the watches that *Undo* removed."""
    staying: tuple[Watch, ...] = ()
    """Remaining watches that cover a part of the pipelines of the removed `watches`."""
    undo: str = ""
    """The id of the stored undo for this change."""
    targets: tuple[Target, ...] = ()
    """The people and groups to page."""
    failures: tuple[OpenFailure, ...] = ()
    """The failures to page them for."""
    call: PageCall | None = None
    in_thread: bool = False
    """Goes to the thread of the failure's card."""
    broadcast: bool = True
    """Of a message in a thread: the channel sees it too."""
    channel: ChannelId | None = None
    """The channel of the watches, if the notice goes elsewhere."""
    reason: SuspendReason | None = None
    instead: ChannelId | None = None
    """The fallback channel that gets the suspended channel's messages meanwhile."""
    since: datetime | None = None
    """When a bot last read the pipelines."""
    missed: tuple[DigestEntry, ...] = ()
    """The changes found after `since`, by pipeline."""
    unread: int = 0
    """How many pipelines the bot still could not read by `at`."""
    channels: tuple[ChannelId, ...] = ()
    """The channels that the bot is in, although Redis has no watches."""
    keys: tuple[str, ...] = ()
    """Names of the lost keys."""
    notes: tuple[Note, ...] = ()
    """Lost runbooks and notes."""
    setup: tuple[str, ...] = ()
    """Policies, schedules and other settings that are lost or page nobody, in words."""
    silences: tuple[SilenceNote, ...] = ()
    """The new or ended mutes, maintenance windows and quiet hours."""
    promised: float = 0.0
    """The promised age of readings, in seconds."""
    oldest: float = 0.0
    """How old readings get instead, in seconds."""
    drill: Drill | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Many episodes in one message: they waited too long, or were too many, for a message each."""

    key: str
    entries: tuple[DigestEntry, ...]
    silence: SetupKind | None = None
    """The kind of silence that ended and had held back these entries. None: the bot catches up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPages:
    """The summary of one person's direct pages beyond the hourly limit."""

    key: str
    limit: int
    """Pages an hour."""
    entries: tuple[DigestEntry, ...]


@dataclass(frozen=True, slots=True)
class Recheck:
    """After a resend, looks for the message again. If the first try arrived after all, deletes one of the two."""

    of: str
    """The id of the resent delivery, which is also the message's key."""
    after_id: str = ""
    """`Attempt.after_id` of that delivery: the search starts there."""
    parent_id: str | None = None
    """The message at the top of the thread to search; None: the channel itself."""
    shows: tuple[str, ...] = ()
    """The keys of the cards in the message."""
    of_group: bool = False
    """It is a group's message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Many simultaneous failures in one message, each with a card of its own."""

    key: str
    channel: ChannelId
    cards: tuple[Card, ...]

    @property
    def revision(self) -> int:
        """Grows with every change of one of its cards."""
        return sum(card.revision for card in self.cards)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedCard:
    """A card as the store has it: the latest content, and how much of it the channel has."""

    content: Card
    revision: int
    """The latest revision of the content."""
    message_id: str | None = None
    """The message that shows the card; None before it is posted."""
    shown_revision: int = 0
    """The revision that the message shows; 0 if it needs an update in any case.

    Below 0: the card joined a posted group, and no message has shown it yet.
    """
    removed: bool = False
    """Somebody deleted the message, or the service refused it."""
    group: str | None = None
    """The key of the group whose message shows this card."""
    summarized_revision: int = 0
    """Above 0: the bot held this page back, and a summary covers the episode up to this revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedGroup:
    """A group as the store has it.

    Its key is the key of the card that it grew from, whose message it has taken over. So a lookup for either finds the
    message. Groups of earlier versions have a key of their own.
    """

    cards: tuple[PostedCard, ...] = ()
    """By the pipelines' names, without those that the store has forgotten."""
    size: int = 0
    """The number of cards, with the forgotten ones."""

    @property
    def message_id(self) -> str | None:
        """The message that shows the cards; None before it is posted."""
        return next((card.message_id for card in self.cards if card.message_id), None)


NO_GROUP = PostedGroup()


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedCard:
    """A card that a group's message shows now. Its own message points there."""

    card: Card


Body = (
    SyncCard
    | ThreadEntry
    | TimelineBatch
    | Notice
    | SyncGroup
    | Pointer
    | Digest
    | HeldPages
    | PagerEvent
    | ShiftHandover
    | ScheduleReport
    | Recheck
)
"""What the outbox stores. `SyncCard` and `SyncGroup` only name a card or group: the sender reads its latest content."""
Content = (
    Card
    | ThreadEntry
    | TimelineBatch
    | Notice
    | Group
    | MovedCard
    | Digest
    | HeldPages
    | PagerEvent
    | ShiftHandover
    | ScheduleReport
)
"""What the chat or pager renders: a body with the latest content in place of the name."""
