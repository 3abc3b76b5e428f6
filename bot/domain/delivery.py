"""A delivery: one message for one receiver, and its progress. Also the chat's answers."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import NamedTuple, NewType

from bot.domain.card import Body
from bot.domain.watch import ChannelId, SuspendReason, TeamId


class Priority(IntEnum):
    """The order of lanes: lower goes first."""

    PAGE = 0
    FAILURE = 1
    RECOVERY = 2
    UPDATE = 3


ReceiverKind = NewType("ReceiverKind", str)
"""Not an enum: a bot must read the rows of a kind that only a newer bot can send to."""
SLACK = ReceiverKind("slack")


@dataclass(frozen=True, slots=True, order=True)
class Receiver:
    """The recipient of a delivery. In Slack, the id is a channel or a direct-message conversation."""

    team: TeamId
    kind: ReceiverKind
    id: str

    @classmethod
    def from_name(cls, team: TeamId, name: str) -> "Receiver":
        kind, separator, receiver_id = name.partition(":")
        return cls(team, ReceiverKind(kind), receiver_id) if separator else cls(team, SLACK, name)

    @property
    def name(self) -> str:
        """Unique in its team. Slack ids stand alone, as in the keys of earlier versions."""
        return f"{self.kind}:{self.id}".removeprefix(f"{SLACK}:")


def in_slack(team: TeamId, channel: ChannelId) -> Receiver:
    return Receiver(team, SLACK, channel)


class LaneKind(StrEnum):
    """Pages never wait for the feed: each kind has its own queue, its own owner and its own message in flight."""

    PAGES = "pages"
    FEED = "feed"


class Lane(NamedTuple):
    """One receiver's messages of one kind. One owner at a time sends them, one after the other."""

    kind: LaneKind
    receiver: Receiver

    @classmethod
    def from_name(cls, team: TeamId, name: str) -> "Lane":
        kind, _, receiver = name.partition(":")
        return cls(LaneKind(kind), Receiver.from_name(team, receiver))

    @property
    def name(self) -> str:
        """Unique in its team."""
        return f"{self.kind}:{self.receiver.name}"


class Delay(StrEnum):
    """Why a message could not go out at once."""

    RATE_LIMITED = "rate_limited"
    NOT_REACHED = "not_reached"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    SUSPENDED = "parked"
    AWAY = "away"


class AttemptState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"  # recorded before the call: a row found in this state has an unknown fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The message to deliver. `id` is deterministic: a message enqueued twice is one delivery."""

    id: str
    receiver: Receiver
    priority: Priority
    body: Body
    made_at: datetime
    after_card: str = ""
    """The card of this pipeline's earlier episode: this message waits for it, unless it is a page."""
    earliest: datetime | None = None
    """Nobody knew the content before this time, so a lookup starts here."""
    not_before: datetime | None = None
    """The first attempt waits until then."""

    @property
    def lane(self) -> Lane:
        return Lane(LaneKind.PAGES if self.priority <= Priority.FAILURE else LaneKind.FEED, self.receiver)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The progress of a delivery."""

    state: AttemptState = AttemptState.QUEUED
    count: int = 0
    """The number of attempts so far."""
    sent_at: datetime | None = None
    lease: str = ""
    """The lease under which the last attempt was made."""
    after_id: str = ""
    """The lane's last message at the first attempt. On the chat's own clock, this delivery can only be later."""
    lookups: int = 0
    checked_at: datetime | None = None
    """When a lookup found nothing, if there was no attempt since."""
    not_before: datetime | None = None
    """The next attempt or lookup waits until then."""
    plain: bool = False
    uncertain: bool = False
    """A lookup did not find an earlier attempt: it may still arrive."""
    possible_repeat: bool = False
    blind_count: int = 0
    """The number of attempts made without a lookup since a lookup last found nothing."""
    delay: Delay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the outbox."""

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
        return self.attempt.not_before or (self.message.not_before if self.attempt.count == 0 else None)

    def with_attempt(self, attempt: Attempt) -> "Delivery":
        return replace(self, attempt=attempt)


# --- what the chat answered ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Posted:
    message_id: str


class RefusalKind(StrEnum):
    """The kinds of a definite no, by the bot's reaction."""

    RATE_LIMITED = "rate_limited"
    CHANNEL = "channel"
    WORKSPACE = "workspace"
    CONTENT = "content"
    CARD_GONE = "card_gone"
    OTHER = "other"  # an error code that our tables lack
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    kind: RefusalKind
    error: str
    retry_after: timedelta | None = None
    suspend: SuspendReason | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The message may or may not be posted."""

    detail: str


Outcome = Posted | Refused | Unknown


@dataclass(frozen=True, slots=True)
class Found:
    """Every message with the key. The first is the one to keep: the oldest, or the one with a thread.

    `group` is set if the card was found inside that group's message.
    """

    message_ids: tuple[str, ...]
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    pass


@dataclass(frozen=True, slots=True)
class Unreadable:
    """`lost`: there was no answer at all."""

    error: str
    retry_after: timedelta | None = None
    lost: bool = False


LookupResult = Found | Absent | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Searches a conversation, or the thread of `parent_id`, for the message with `key`, from `oldest` on."""

    receiver: Receiver
    key: str
    oldest: str
    parent_id: str | None = None
