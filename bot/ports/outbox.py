"""The unfinished deliveries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.backlog import Grouping
from bot.domain.delivery import Delivery, Lane, Message, Receiver
from bot.domain.held_pages import PageLog
from bot.ports.lease_store import Lease


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A direct page of one person, or a summary of held pages, in the page log."""

    is_summary: bool
    at: datetime


class ResultKind(StrEnum):
    POSTED = "posted"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """How a delivery ended.

    `shown`: the revision of each card in the message. `group`: the group whose message turned out to show the card.

    The store enqueues `redraw` if a card is newer than shown, and `follow_up` in any case. If the message was posted,
    the store keeps `log`.
    """

    kind: ResultKind
    redraw: Message
    message_id: str = ""
    shown: Mapping[str, int] = field(default_factory=dict)
    group: str | None = None
    follow_up: Message | None = None
    log: PageEntry | None = None


class Outbox(Protocol):
    async def enqueue(self, messages: Sequence[Message], redrawn: Sequence[str] = ()) -> None:
        """Needs no lease. Redis marks the cards `redrawn` as not shown, so the next update draws them."""
        ...

    async def deliveries(self, lane: Lane) -> tuple[Delivery, ...]:
        """Oldest first."""
        ...

    async def write(self, delivery: Delivery, lease: Lease) -> bool:
        """Records the delivery's progress. False: the lease is lost, or the row is gone."""
        ...

    async def settle(self, delivery: Delivery, lease: Lease, result: DeliveryResult) -> bool: ...

    async def regroup(self, grouping: Grouping, lane: Lane, lease: Lease) -> bool: ...

    async def page_log(self, receiver: Receiver, since: datetime) -> PageLog:
        """The receiver's pages and summaries after `since`."""
        ...
