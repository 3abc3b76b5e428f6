"""The rows that wait in one lane, and a change that combines some of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.domain.card import (
    PostedCard,
    SyncCard,
)
from bot.domain.delivery import Delivery, Message
from bot.domain.watch import TeamId

ENTRIES_PER_MESSAGE = 30  # the most pipelines or thread entries that one message can show


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """`row` and the rows in `accompanied_by` replace `replaced`. If `merges`, `row` also replaces the row with its id.

    `joins`: cards that become part of the group with the row's id. `forgets`: cards that were never posted and never
    will be.
    """

    row: Delivery
    replaced: tuple[Delivery, ...]
    accompanied_by: tuple[Delivery, ...] = ()
    redraws: tuple[Message, ...] = ()
    """Earlier messages of the same group, to show the new count. The worker enqueues them in a separate step, since
    only a number in a heading depends on it."""
    joins: tuple[str, ...] = ()
    forgets: tuple[str, ...] = ()
    summarized: Mapping[str, int] = field(default_factory=dict)
    """Cards whose page is held back, with the revision that the summary covers."""
    merges: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """The rows that wait in one lane. `group_sizes`: the number of cards in each unposted group of these rows.

    `away`: the service takes no posts for now.
    """

    team: TeamId
    rows: Sequence[Delivery]
    cards: Mapping[str, PostedCard]
    group_sizes: Mapping[str, int]
    service_away: bool = False
    growing: Sequence[str] = ()
    """The messages of the channel's group that is still growing: new failures continue it."""

    def group_of(self, card_key: str) -> str:
        card = self.cards.get(card_key)
        return card.group or "" if card else ""


def is_unposted(backlog: Backlog, row: Delivery) -> bool:
    card = backlog.cards.get(row.id) if isinstance(row.body, SyncCard) else None
    return (
        card is not None
        and card.message_id is None
        and not card.removed
        and card.group is None
        and not card.summarized_revision
    )


def replacement(rows: Sequence[Delivery], *, id: str) -> Delivery:  # noqa: A002 (the field's own name)
    return with_changes(
        min(rows, key=lambda row: row.message.priority),
        id=id,
        after_card="",
        made_at=min(row.message.made_at for row in rows),
        earliest=min((row.message.earliest for row in rows if row.message.earliest), default=None),
    )


def with_changes(row: Delivery, **changes: Any) -> Delivery:
    return replace(row, message=replace(row.message, **changes))
