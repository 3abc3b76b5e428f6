"""Notices: messages outside any episode, and the calls of a page, as data. `slack` renders them.

The fields are stored in Redis, so a new name needs an upgrade of older rows.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.catalogue import Pipeline
from bot.domain.credits import CreditsState
from bot.domain.drill import Drill
from bot.domain.episode import Episode
from bot.domain.note import Note
from bot.domain.silence import SilenceNote
from bot.domain.summary import DigestEntry
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, SuspendReason, Target, UserId, Watch


class CallReason(StrEnum):
    """Why a page calls its targets now. The values are part of stored rows."""

    STEP = "step"
    """Nobody answered the step before, or this is the first one."""
    REPEATED = "repeated"
    """Nobody answered in an earlier round."""
    PROMISE_MISSED = "promise_missed"
    """The time is over for which a person acknowledged or snoozed the failure."""
    FAILED_AGAIN = "failed_again"
    """The problem came back after its end, or after a person had acknowledged it."""
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
    promised_by: str = ""
    """The name of the person who gave it, as plain text. Empty in rows of earlier versions, and for several people."""
    snoozed: bool = False
    """That person asked for quiet, and promised nothing."""
    event: Event | None = None
    """The problem that came after the card, such as STUCK. None: the card began with its problem."""


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
    TAKEN_OVER = "taken_over"
    """Tells one person that somebody else took over their failure."""
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
    CREDITS = "credits"
    """Weekly: the use of the account's credits."""
    CREDITS_LOW = "credits_low"
    """The credits run out within a week."""
    CALL_OVER = "call_over"
    """Edits a posted CALL_AGAIN: somebody answered, or the failures are over."""


class CallEndKind(StrEnum):
    """Why a failure needs nobody any more."""

    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    RECOVERED = "recovered"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnd:
    """How a call for one failure ended."""

    kind: CallEndKind
    at: datetime
    name: str = ""
    """The person who answered, as plain text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedCall:
    """The message of a call."""

    key: str
    """The id of its delivery, which the message carries as its key."""
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFailure:
    """A failure that a late page is about, and its card. `since`: when it began, or was first read."""

    pipeline: Pipeline
    card_key: str
    since: datetime
    first_seen: bool = False
    end: CallEnd | None = None
    """Only in CALL_OVER, when the bot sends it. None: it needs somebody again."""

    @classmethod
    def of(cls, episode: Episode, pipeline: Pipeline, card_key: str) -> "OpenFailure":
        """The latest failure of the episode."""
        return cls(pipeline=pipeline, card_key=card_key, since=episode.began_at, first_seen=episode.found_begun)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message about watches or about the bot itself, outside any episode.

    One class for all kinds, because rows of earlier versions have this form. Each kind uses some of the fields:

    WATCHING, UNWATCHED, UNDONE   by, watches, before, staying and failing (UNWATCHED only), undo (not UNDONE)
    PAGING_STOPPED                by, watches, covers, channel (only in the copy for a maker)
    NOT_PAGED                     by, watches, channel
    TAKEN_OVER                    by, failures, channel
    LATE_PAGE                     by, targets, failures
    SILENCED, UNSILENCED          by, silences, replaced (SILENCED only)
    CALL_AGAIN                    targets, failures, call, in_thread, broadcast
    CALL_OVER                     failures, posted
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
    CREDITS, CREDITS_LOW          credits
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
    failing: int = 0
    """How many failures go on without updates and pages, because of the removed `watches`."""
    undo: str = ""
    """The id of the stored undo for this change."""
    targets: tuple[Target, ...] = ()
    """The people and groups to page."""
    failures: tuple[OpenFailure, ...] = ()
    """The failures to page them for."""
    call: PageCall | None = None
    posted: PostedCall | None = None
    """The message that this notice edits."""
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
    replaced: tuple[SilenceNote, ...] = ()
    """The silences before, in whose place the new ones are. Empty in rows of earlier versions."""
    promised: float = 0.0
    """The promised age of readings, in seconds."""
    oldest: float = 0.0
    """How old readings get instead, in seconds."""
    drill: Drill | None = None
    credits: CreditsState | None = None
