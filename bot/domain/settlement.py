"""The next step of a delivery (`Step`), and what follows from a call or lookup (`Settlement`). Values only."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.delivery import Delivery
from bot.domain.watch import SuspendReason


@dataclass(frozen=True, slots=True)
class Send:
    """Send the message now."""


@dataclass(frozen=True, slots=True)
class Find:
    """Look the message up first: an earlier attempt may have arrived."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until then."""

    until: datetime


Step = Send | Find | Wait


@dataclass(frozen=True, slots=True)
class Ownership:
    """A worker's right to send the messages of one lane, and what it knows about earlier workers."""

    since: datetime
    """When the worker took the lease."""
    lease: str
    """The lease's token."""
    doubt_since: datetime | None = None
    """When a bot noticed that the store had lost writes, perhaps records of sent messages."""
    last_id: str = ""
    """The service's timestamp of the lane's last message; empty before the first."""


@dataclass(frozen=True, slots=True)
class Done:
    """The receiver has the message."""

    message_id: str
    found: bool = False
    """A lookup found it, so it may show an older revision."""
    group: str | None = None
    """The group whose message turned out to show the card."""
    repeats: tuple[str, ...] = ()
    """Further copies of the message, to delete."""
    recheck: bool = False
    """An earlier attempt may still arrive, so a later lookup follows."""


@dataclass(frozen=True, slots=True)
class Again:
    """The delivery goes on: the worker stores its new progress."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Suspend:
    """The channel takes no messages for now: the worker keeps the delivery and suspends the channel."""

    delivery: Delivery
    reason: SuspendReason


@dataclass(frozen=True, slots=True)
class Drop:
    """The message can never be delivered."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The message to update was deleted: the news goes out as a new message."""

    reason: str


Settlement = Done | Again | Suspend | Drop | Gone
