"""A delivery: one message owed to one receiver, and how far it is. Also the chat's answers, and the next steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import NamedTuple

from bot.domain.card import Body
from bot.domain.watch import ChannelId, SuspendReason


class Priority(IntEnum):
    """The order of lanes: lower goes first."""

    PAGE = 0
    FAILURE = 1
    RECOVERY = 2
    UPDATE = 3


class ReceiverKind(StrEnum):
    SLACK = "slack"


@dataclass(frozen=True, slots=True, order=True)
class Receiver:
    """Where a delivery goes. For `SLACK` the id is a channel or a conversation of direct messages."""

    kind: ReceiverKind
    id: str

    @classmethod
    def of(cls, name: str) -> "Receiver":
        kind, separator, receiver_id = name.partition(":")
        return cls(ReceiverKind(kind), receiver_id) if separator else cls(ReceiverKind.SLACK, name)

    @property
    def name(self) -> str:
        """Unique among all receivers. Slack ids stand alone, as in the keys of earlier versions."""
        return f"{self.kind}:{self.id}".removeprefix(f"{ReceiverKind.SLACK}:")

    @property
    def channel(self) -> ChannelId:
        """The Slack conversation."""
        return ChannelId(self.id)


def in_slack(channel: ChannelId) -> Receiver:
    return Receiver(ReceiverKind.SLACK, channel)


class LaneKind(StrEnum):
    """Pages never wait for the feed: each has its own queue, its own owner and its own message under way."""

    PAGES = "pages"
    FEED = "feed"


class Lane(NamedTuple):
    """One receiver's messages of one kind. One owner at a time sends them, one after the other."""

    kind: LaneKind
    receiver: Receiver

    @classmethod
    def of(cls, name: str) -> "Lane":
        kind, _, receiver = name.partition(":")
        return cls(LaneKind(kind), Receiver.of(receiver))

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.receiver.name}"


class Delay(StrEnum):
    """Why a message could not go out at once."""

    RATE_LIMITED = "rate_limited"
    NOT_REACHED = "not_reached"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    SUSPENDED = "parked"
    AWAY = "away"


class State(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"  # recorded before the call: a row found in this state has an unknown fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is owed. `id` is deterministic: a message enqueued twice is one delivery."""

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
    """How far a delivery is."""

    state: State = State.QUEUED
    count: int = 0
    """The number of attempts so far."""
    sent_at: datetime | None = None
    lease: str = ""
    """The lease under which the last attempt was made."""
    after_id: str = ""
    """The lane's last message at the first attempt. On the chat's own clock, this message can only come later."""
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

    def after(self, attempt: Attempt) -> "Delivery":
        return replace(self, attempt=attempt)


# --- what the chat answered ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Posted:
    message_id: str


class Refusal(StrEnum):
    """A definite no, by what to do about it."""

    RATE_LIMITED = "rate_limited"
    CHANNEL = "channel"
    WORKSPACE = "workspace"
    CONTENT = "content"
    CARD_GONE = "card_gone"
    OTHER = "other"  # an answer that no table of ours has
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    kind: Refusal
    error: str
    retry_after: timedelta | None = None
    suspend: SuspendReason | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not be there."""

    detail: str


Outcome = Posted | Refused | Unknown


@dataclass(frozen=True, slots=True)
class Found:
    """Every message with the key: first the one to keep, which is the oldest, or the one with a thread.

    `group` is set where the card was found told as a part of that message. `came_at`: the revision with which each card
    in it came.
    """

    message_ids: tuple[str, ...]
    group: str | None = None
    came_at: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Absent:
    pass


@dataclass(frozen=True, slots=True)
class Unreadable:
    """`lost`: Slack gave no answer at all."""

    error: str
    retry_after: timedelta | None = None
    lost: bool = False


LookupResult = Found | Absent | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Searches a conversation, or the thread of `parent_id`, for the message with `key`, from `oldest` on.

    `cards` has the keys of the cards in the message.
    """

    receiver: Receiver
    key: str
    oldest: str
    parent_id: str | None = None
    cards: tuple[str, ...] = ()


# --- what to do next -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    pass


@dataclass(frozen=True, slots=True)
class Find:
    pass


@dataclass(frozen=True, slots=True)
class Wait:
    until: datetime


Step = Send | Find | Wait


@dataclass(frozen=True, slots=True)
class Ownership:
    """The right to send down one lane: since when it is ours, and under which lease.

    `doubt_since`: when the store was found to have gone back in time, and may have forgotten what was sent.
    `last_id` is the lane's last message, as Slack stamped it.
    """

    since: datetime
    lease: str
    doubt_since: datetime | None = None
    last_id: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """It is there. `found`: it was not posted just now but found, and may show an older revision.

    `repeats` are to be deleted; `recheck`: an earlier try may yet land, so it is looked for once more.
    """

    message_id: str
    found: bool = False
    group: str | None = None
    repeats: tuple[str, ...] = ()
    recheck: bool = False
    came_at: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Again:
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Suspend:
    """The channel does not take messages for now: the delivery stays, its lane rests."""

    delivery: Delivery
    reason: SuspendReason


@dataclass(frozen=True, slots=True)
class Drop:
    """It can never be delivered, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The message that was to be updated is there no more: what is new is posted afresh."""

    reason: str


Settlement = Done | Again | Suspend | Drop | Gone
