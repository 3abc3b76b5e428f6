"""The next step of a delivery, and how a call or lookup settles it."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.delivery import Delivery
from bot.domain.watch import SuspendReason


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
    """The right to send the messages of one lane: its start and its lease.

    `doubt_since`: when a bot noticed that the store had lost writes, perhaps records of sent messages.
    `last_id`: the service's timestamp of the lane's last message.
    """

    since: datetime
    lease: str
    doubt_since: datetime | None = None
    last_id: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The receiver has the message. `found`: a lookup found it, so it may show an older revision.

    The worker deletes `repeats`. `recheck`: an earlier attempt may still land, so a later lookup follows.
    """

    message_id: str
    found: bool = False
    group: str | None = None
    repeats: tuple[str, ...] = ()
    recheck: bool = False


@dataclass(frozen=True, slots=True)
class Again:
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
