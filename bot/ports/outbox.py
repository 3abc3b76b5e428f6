"""The outbox: every message that the bot still owes to a receiver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.backlog import Grouping
from bot.domain.delivery import Delivery, Lane, Message, Receiver
from bot.domain.held_pages import PageLog
from bot.domain.receipt import Receipt
from bot.ports.lease_store import Lease


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One entry of a person's page log, which limits the direct pages per hour."""

    is_summary: bool
    """A summary of pages that were held back, rather than a page."""
    at: datetime


class ResultKind(StrEnum):
    """What a finished delivery means for the cards that it shows."""

    POSTED = "posted"  # the receiver has the message
    REMOVED = "removed"  # the card's message was deleted, or never will be posted
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """How a delivery ended, and the messages that follow from it."""

    kind: ResultKind
    redraw: Message
    """Enqueued if one of the cards is newer than `shown`, or belongs to a group by now that the message is not of."""
    message_id: str = ""
    shown: Mapping[str, int] = field(default_factory=dict)
    """The revision that the message shows of each card, by the card's key."""
    group: str | None = None
    """The group whose message it is, or turned out to be."""
    size: int = 0
    """The number of cards that the group had when the message was made. If more have joined, `redraw` follows."""
    failure_at: datetime | None = None
    """When the receiver got a new failure: later ones may form a group with it."""
    follow_up: Message | None = None
    """Enqueued in any case: a recheck of a message that may be posted twice."""
    log: PageEntry | None = None
    """Added to the page log if the message was posted."""
    thread: str = ""
    """The key of the card or group, if its message is new: people may now write in its thread."""
    receipts: tuple[Receipt, ...] = ()
    """The news that the receiver now has, or never will have."""


class Outbox(Protocol):
    """Adds messages, and records the progress of each delivery. Only the lane's owner changes a delivery.

    `write`, `settle` and `regroup` return False if the lease is lost. Then they change nothing.
    """

    async def enqueue(self, messages: Sequence[Message], redrawn: Sequence[str] = ()) -> None:
        """Adds messages, unless the outbox has one with the same id. Needs no lease.

        `redrawn`: the keys of cards that the next update draws again, even without a change.
        """
        ...

    async def deliveries(self, lane: Lane) -> tuple[Delivery, ...]:
        """The lane's unfinished deliveries, oldest first."""
        ...

    async def write(self, delivery: Delivery, lease: Lease) -> bool:
        """Records the delivery's progress. False: the lease is lost, or the row is gone."""
        ...

    async def settle(self, delivery: Delivery, lease: Lease, result: DeliveryResult) -> bool:
        """Removes a finished delivery, updates its cards, and enqueues what follows, all in one step."""
        ...

    async def regroup(self, grouping: Grouping, lane: Lane, lease: Lease) -> bool:
        """Replaces several deliveries of the lane by fewer, in one step."""
        ...

    async def page_log(self, receiver: Receiver, since: datetime) -> PageLog:
        """The receiver's pages and summaries after `since`."""
        ...
