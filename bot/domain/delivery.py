"""A delivery: one message owed to one channel; what the chat may say of it, and what may be done about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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


class LaneKind(StrEnum):
    """Pages never wait for the feed: each has a queue, an owner and a message under way of its own."""

    PAGES = "pages"
    FEED = "feed"


class Lane(NamedTuple):
    """What is sent one after the other, by one owner at a time."""

    kind: LaneKind
    channel: ChannelId

    @classmethod
    def of(cls, name: str) -> "Lane":
        """The lane of this name."""
        kind, _, channel = name.partition(":")
        return cls(LaneKind(kind), ChannelId(channel))

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.channel}"


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
    SENDING = "sending"  # recorded before the call; found so later, its fate is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the outbox. `id` is deterministic: enqueued twice it is still one delivery."""

    id: str
    channel: ChannelId
    priority: Priority
    body: Body
    made_at: datetime
    after_card: str = ""
    """The card of the same pipeline's story before this one: this one is not told before it, unless it is a page."""
    earliest: datetime | None = None
    """Before this nobody can have known what it tells: where it is looked for, the search begins here."""
    state: State = State.QUEUED
    attempts: int = 0
    sent_at: datetime | None = None
    given_by: str = ""
    """The lease under which it was given to Slack last."""
    after_id: str = ""
    """The lane's last message when this was given first, on Slack's own clock: it can only stand after that."""
    lookups: int = 0
    checked_at: datetime | None = None
    """When it was found that it is not there, if it was not given since."""
    not_before: datetime | None = None
    plain: bool = False
    uncertain: bool = False
    """An earlier try was looked for in vain: it may yet land."""
    possible_repeat: bool = False
    blind_tries: int = 0
    """How often it was given since it was last seen not to be there, though nobody could look."""
    delay: Delay | None = None

    @property
    def lane(self) -> Lane:
        return Lane(LaneKind.PAGES if self.priority <= Priority.FAILURE else LaneKind.FEED, self.channel)


# --- what the chat answered ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Posted:
    message_id: str


class Refusal(StrEnum):
    """A definite no, cut by what is to be done. Source: the error tables of chat.postMessage and chat.update."""

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
class Earlier:
    """What came `before` is of an earlier episode, whatever its key; where `over`, only a card that has the key, and
    shows no open failure."""

    before: datetime
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """By what a message is recognised, and since when it may stand there (a `message_id` of Slack's).

    `failing`: a card of this pipeline's failure that is still open will do as well: a store that was emptied derives
    another key.
    """

    channel: ChannelId
    key: str
    oldest: str
    parent_id: str | None = None
    failing: str = ""
    earlier: Earlier | None = None
    cards: tuple[str, ...] = ()
    """The keys of those that stand in it."""


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
