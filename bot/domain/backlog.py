"""The deliveries that wait in one lane (`Backlog`), and a change that combines some of them (`Grouping`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain.card import NO_GROUP, PostedCard, PostedGroup, SyncCard
from bot.domain.delivery import Delivery
from bot.domain.watch import TeamId

ENTRIES_PER_MESSAGE = 30  # the most pipelines or thread entries that one message can show


@dataclass(frozen=True, slots=True)
class GroupRule:
    """When failures in one conversation become a group."""

    most_single: int = 3
    """So many failures get cards of their own. More within the time become one group."""
    within: timedelta = timedelta(seconds=30)
    """From one failure to the next."""


DEFAULT_GROUP_RULE = GroupRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """One atomic change of a lane's rows: `row` takes the place of the rows `replaced`."""

    row: Delivery
    replaced: tuple[Delivery, ...]
    accompanied_by: tuple[Delivery, ...] = ()
    """Further new rows."""
    joins: tuple[str, ...] = ()
    """Keys of the cards that become part of the group with the row's id."""
    joined_at: datetime | None = None
    """Now, if cards join. A later failure may follow them into the group."""
    message_id: str = ""
    """The posted message that shows the cards that join, from its next update on. Empty: it is not posted yet."""
    forgets: tuple[str, ...] = ()
    """Keys of cards that were never posted and never will be."""
    summarized: Mapping[str, int] = field(default_factory=dict)
    """Cards whose page is held back, by key, with the revision that the summary covers."""
    merges: bool = False
    """`row` also replaces the waiting row with the same id. Otherwise such a row would stay as it is."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """The rows that wait in one lane, with all that a regrouping needs to know."""

    team: TeamId
    rows: Sequence[Delivery]
    """Oldest first."""
    cards: Mapping[str, PostedCard]
    """The cards that the rows show or reply to, and the recent ones, by key."""
    groups: Mapping[str, PostedGroup] = field(default_factory=dict)
    """The groups that the rows or the recent failures name, by key."""
    recent: Sequence[str] = ()
    """What the receiver got within `GroupRule.within`, oldest first: the keys of failure cards and of groups."""
    now: datetime | None = None
    service_away: bool = False
    """The service takes no posts for now."""
    updates_late: bool = False
    """An update would have to wait for long. So a posted message takes no more failures."""
    rule: GroupRule = DEFAULT_GROUP_RULE

    def group_of(self, card_key: str) -> str:
        """The key of the group that shows the card; empty if it stands alone."""
        card = self.cards.get(card_key)
        return card.group or "" if card else ""

    def group(self, key: str) -> PostedGroup:
        return self.groups.get(key, NO_GROUP)


def is_unposted(backlog: Backlog, row: Delivery) -> bool:
    """True if the row shows a card that no message shows and no summary covers."""
    card = backlog.cards.get(row.id) if isinstance(row.body, SyncCard) else None
    return (
        card is not None
        and card.message_id is None
        and not card.removed
        and card.group is None
        and not card.summarized_revision
    )


def replacement(rows: Sequence[Delivery], *, id: str) -> Delivery:  # noqa: A002 (the field's own name)
    """One row in place of several, with this id: as urgent as the most urgent, and as old as the oldest."""
    return with_changes(
        min(rows, key=lambda row: row.message.priority),
        id=id,
        after_card="",
        made_at=min(row.message.made_at for row in rows),
        earliest=min((row.message.earliest for row in rows if row.message.earliest), default=None),
    )


def with_changes(row: Delivery, **changes: Any) -> Delivery:
    """The row with other values for these fields of its message."""
    return replace(row, message=replace(row.message, **changes))
