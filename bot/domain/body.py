"""Everything that the outbox stores, and everything that a chat or pager renders."""

from dataclasses import dataclass

from bot.domain.card import Card, Group, MovedCard, Pointer, SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.notice import Notice
from bot.domain.pager import PagerEvent
from bot.domain.postmortem import Postmortem
from bot.domain.schedule_messages import ScheduleReport, ShadowChange, ShiftChange, ShiftHandover
from bot.domain.summary import Digest, HeldPages


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
    | ShiftChange
    | ShadowChange
    | ScheduleReport
    | Postmortem
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
    | ShiftChange
    | ShadowChange
    | ScheduleReport
    | Postmortem
)
"""What the chat or pager renders: a body with the latest content in place of the name."""
