"""A delivery: one message for one receiver, and the progress of sending it. Also the service's answers."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import NamedTuple, NewType

from bot.domain.body import Body
from bot.domain.watch import ChannelId, SuspendReason, TeamId


class Priority(IntEnum):
    """The order of lanes: lower goes first."""

    PAGE = 0
    FAILURE = 1
    RECOVERY = 2
    UPDATE = 3


ReceiverKind = NewType("ReceiverKind", str)
"""The service that takes the messages, through its own carrier: see `bot.delivery.carrier`.

Not an enum: a bot must read the rows of a kind that only a newer bot can send to.
"""
SLACK = ReceiverKind("slack")


@dataclass(frozen=True, slots=True, order=True)
class Receiver:
    """The recipient of a delivery. In Slack, the id is a channel or a direct-message conversation."""

    team: TeamId
    kind: ReceiverKind
    id: str

    @classmethod
    def from_name(cls, team: TeamId, name: str) -> "Receiver":
        """The receiver with this `name`. The inverse of the property."""
        kind, separator, receiver_id = name.partition(":")
        return cls(team, ReceiverKind(kind), receiver_id) if separator else cls(team, SLACK, name)

    @property
    def name(self) -> str:
        """Unique in its team. Slack ids stand alone, as in the keys of earlier versions."""
        return f"{self.kind}:{self.id}".removeprefix(f"{SLACK}:")


def in_slack(team: TeamId, channel: ChannelId) -> Receiver:
    """A channel or direct-message conversation in Slack."""
    return Receiver(team, SLACK, channel)


class LaneKind(StrEnum):
    """Pages never wait for the feed: each kind has its own queue, its own owner and its own message in flight."""

    PAGES = "pages"
    FEED = "feed"


class Lane(NamedTuple):
    """One receiver's queue of one kind, `pages` or `feed`. One worker at a time sends its messages, one by one."""

    kind: LaneKind
    receiver: Receiver

    @classmethod
    def from_name(cls, team: TeamId, name: str) -> "Lane":
        """The lane with this `name`. The inverse of the property."""
        kind, _, receiver = name.partition(":")
        return cls(LaneKind(kind), Receiver.from_name(team, receiver))

    @property
    def name(self) -> str:
        """Unique in its team."""
        return f"{self.kind}:{self.receiver.name}"


class Delay(StrEnum):
    """Why a message could not go out at once."""

    RATE_LIMITED = "rate_limited"  # the service asked for a pause
    NOT_REACHED = "not_reached"  # the request did not reach the service
    NO_ANSWER = "no_answer"  # the service did not answer an earlier attempt
    REFUSED = "refused"
    SUSPENDED = "parked"  # the channel took no messages; the value is part of stored rows
    AWAY = "away"  # the bot was not running


class AttemptState(StrEnum):
    """Whether a request may be on its way."""

    QUEUED = "queued"
    SENDING = "sending"  # recorded before the call: a row found in this state has an unknown fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The message to deliver. It does not change while the bot tries to send it."""

    id: str
    """Deterministic, so a message enqueued twice is one delivery. The posted message carries it as its key."""
    receiver: Receiver
    priority: Priority
    body: Body
    made_at: datetime
    after_card: str = ""
    """The card of this pipeline's earlier episode: this message waits for it, unless it is a page."""
    earliest: datetime | None = None
    """The message cannot have been posted before this time, so a lookup starts here. None: `made_at`."""
    not_before: datetime | None = None
    """The first attempt waits until then."""

    @property
    def lane(self) -> Lane:
        return Lane(LaneKind.PAGES if self.priority <= Priority.FAILURE else LaneKind.FEED, self.receiver)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The progress of a delivery: the attempts to send it, and the lookups of earlier attempts."""

    state: AttemptState = AttemptState.QUEUED
    count: int = 0
    """The number of attempts so far."""
    sent_at: datetime | None = None
    """When the last attempt began."""
    lease: str = ""
    """The lease under which the last attempt was made."""
    parent_id: str | None = None
    """The message in whose thread the last attempt was made. Rows of earlier versions lack it."""
    after_id: str = ""
    """The lane's last message at the first attempt. On the chat's own clock, this delivery can only be later."""
    lookups: int = 0
    """The number of lookups since the last attempt. For a recheck: the number of failed tries."""
    checked_at: datetime | None = None
    """When a lookup found nothing, if there was no attempt since."""
    not_before: datetime | None = None
    """The next attempt or lookup waits until then."""
    plain: bool = False
    """The service refused the formatting: send plain text."""
    uncertain: bool = False
    """A lookup did not find an earlier attempt: it may still arrive."""
    possible_repeat: bool = False
    """No lookup could say whether an earlier attempt arrived. The message says that it may be a repeat."""
    blind_count: int = 0
    """The number of attempts made without a lookup since a lookup last found nothing."""
    delay: Delay | None = None
    """Why the message comes late; the text says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the outbox: a message that the bot still owes to its receiver, and the attempts so far."""

    message: Message
    attempt: Attempt = Attempt()

    @property
    def id(self) -> str:
        return self.message.id

    @property
    def receiver(self) -> Receiver:
        return self.message.receiver

    @property
    def body(self) -> Body:
        return self.message.body

    @property
    def lane(self) -> Lane:
        return self.message.lane

    @property
    def not_before(self) -> datetime | None:
        """The next attempt or lookup waits until then."""
        return self.attempt.not_before or (self.message.not_before if self.attempt.count == 0 else None)

    def with_attempt(self, attempt: Attempt) -> "Delivery":
        """The delivery with this progress."""
        return replace(self, attempt=attempt)


# --- the service's answers -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Posted:
    """The receiver has the message. The service's clock orders the ids of one conversation."""

    message_id: str


class RefusalKind(StrEnum):
    """The kinds of a definite no, by the bot's reaction."""

    RATE_LIMITED = "rate_limited"
    CHANNEL = "channel"  # this channel takes no messages
    WORKSPACE = "workspace"  # no channel does, for example because the token was revoked
    CONTENT = "content"  # the service refuses the formatting
    CARD_GONE = "card_gone"  # the message to update was deleted
    OTHER = "other"  # an error code that our tables lack
    NOT_SENT = "not_sent"  # the request never left this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The service did not take the message. Only after RATE_LIMITED it may still post it."""

    kind: RefusalKind
    error: str
    """The service's error code, or a description."""
    retry_after: timedelta | None = None
    """The pause that the service asked for."""
    suspend: SuspendReason | None = None
    """Why to suspend the channel, if it takes no messages at all."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The message may or may not be posted."""

    detail: str


Outcome = Posted | Refused | Unknown


@dataclass(frozen=True, slots=True)
class Found:
    """A lookup found the message, perhaps more than once."""

    message_ids: tuple[str, ...]
    """Every message with the key. The first is the one to keep: the oldest, or the one with a thread."""
    group: str | None = None
    """The key of the group, if the card was found inside that group's message."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A lookup read the whole stretch, and no message has the key."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A lookup could not read the conversation, so it proves nothing."""

    error: str
    retry_after: timedelta | None = None
    lost: bool = False
    """There was no answer at all."""


LookupResult = Found | Absent | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Searches a conversation, or the thread of `parent_id`, for the message with `key`, from `oldest` on."""

    receiver: Receiver
    key: str
    """The id of the delivery, which its message carries as its key. The id of a card's delivery is the card's key."""
    oldest: str
    """The service's timestamp at which the search begins: seconds since 1970, as text."""
    parent_id: str | None = None
