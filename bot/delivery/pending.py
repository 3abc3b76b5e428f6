"""One delivery with what is needed to send it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.delivery.rate_limiter import Method
from bot.domain.card import (
    ALONE,
    Burst,
    Content,
    Digest,
    Group,
    HeldPages,
    Notice,
    OpenFailure,
    PostedCard,
    Recheck,
    SyncCard,
    SyncGroup,
    ThreadEntry,
    TimelineBatch,
)
from bot.domain.delivery import Delivery, Lookup, Message, Priority
from bot.domain.episode import Outcome, stable_key
from bot.domain.protocol import RECHECK_AFTER, oldest


@dataclass(frozen=True, slots=True)
class PendingDelivery:
    """`cards` are those that the message shows, or in whose thread it belongs; what stands by itself has none."""

    delivery: Delivery
    cards: tuple[PostedCard, ...]
    burst: Burst = ALONE

    @property
    def shows_cards(self) -> bool:
        return isinstance(self.delivery.body, SyncCard | SyncGroup)

    @property
    def message_id(self) -> str | None:
        """Where the card or group stands in Slack, if it does."""
        return self.cards[0].message_id if self.cards else None

    @property
    def updates(self) -> bool:
        return self.shows_cards and self.message_id is not None

    @property
    def method(self) -> Method:
        """What Slack is asked where the message is sent."""
        return Method.UPDATE if self.updates else Method.POST

    @property
    def parent_id(self) -> str | None:
        if isinstance(self.delivery.body, Recheck):
            return self.delivery.body.parent_id
        return self.message_id if isinstance(self.delivery.body, ThreadEntry | TimelineBatch) else None

    @property
    def is_closed(self) -> bool:
        """It shows cards of what has come to its end."""
        return self.shows_cards and not any(card.content.episode.open for card in self.cards)

    @property
    def worth_sending(self) -> bool:
        """A card that shows the latest already is left alone; so is one that somebody deleted, until there is news; and
        a line goes with its card. A summary covers a page that was held back."""
        match self.delivery.body:
            case SyncGroup(grown=True) if self.updates:
                return True
            case SyncCard() | SyncGroup():
                return any(card.revision > card.shown_revision and not card.held for card in self.cards)
            case ThreadEntry() as line:
                return bool(self.cards) and not self._is_shown(line)
            case TimelineBatch(entries=lines):
                return bool(self.cards) and not all(self._is_shown(line) for line in lines)
            case Notice(failures=failures) if failures:
                return any(self._needs_a_look(each) for each in failures)
            case _:
                return True

    def _needs_a_look(self, failures: OpenFailure) -> bool:
        """Nobody acknowledged it, and it is not over. Of a card that is kept no more nobody knows."""
        episodes = [card.content.episode for card in self.cards if card.content.key == failures.card_key]
        return all(episode.open and not episode.acknowledged for episode in episodes)

    @property
    def partly_shown(self) -> bool:
        """Its card came with the end that one of these lines is to tell."""
        match self.delivery.body:
            case ThreadEntry() as line:
                return self._is_shown(line)
            case TimelineBatch(entries=lines):
                return any(self._is_shown(line) for line in lines)
            case _:
                return False

    def _is_shown(self, line: ThreadEntry) -> bool:
        return any(card.content.key == line.card_key and card.has_told(line.entry) for card in self.cards)

    def _not_yet_shown(self, told: TimelineBatch) -> TimelineBatch:
        left = tuple(line for line in told.entries if not self._is_shown(line))
        episodes = [card.content.episode for card in self.cards]
        open_still = told.of_group and any(episode.open for episode in episodes)
        broadcast = any(line.broadcast for line in left) and not open_still
        recovered = told.of_group and all(episode.outcome is Outcome.RECOVERED for episode in episodes)
        return replace(told, entries=left, broadcast=broadcast, all_recovered=len(episodes) if recovered else 0)

    @property
    def is_new_page(self) -> bool:
        """A new direct page; it counts towards the person's hourly limit."""
        return self.delivery.message.priority is Priority.PAGE and self.shows_cards and not self.updates

    @property
    def shown(self) -> dict[str, int]:
        """The revision of each card that this message shows."""
        return {card.content.key: card.revision for card in self.cards} if self.shows_cards else {}

    @property
    def lookup(self) -> Lookup:
        body = self.delivery.body
        return Lookup(
            receiver=self.delivery.receiver,
            key=body.of if isinstance(body, Recheck) else self.delivery.id,
            oldest=oldest(self.delivery),
            parent_id=self.parent_id,
            cards=body.shows if isinstance(body, Recheck) else tuple(self.shown),
        )

    @property
    def content(self) -> Content:
        match self.delivery.body:
            case SyncCard():
                return self.cards[0].drawn
            case SyncGroup(key):
                cards = tuple(card.drawn for card in self.cards)
                total, first = self.burst.total, self.burst.first
                return Group(key=key, channel=self.delivery.receiver.channel, cards=cards, in_burst=total, first=first)
            case TimelineBatch() as lines:
                return self._not_yet_shown(lines)
            case Notice(failures=failures) as notice:
                return replace(notice, failures=tuple(each for each in failures if self._needs_a_look(each)))
            case ThreadEntry() | Digest() | HeldPages() as content:
                return content
            case Recheck():
                raise TypeError("a recheck is looked for, never sent")


def cards_of(
    row: Delivery, cards: Mapping[str, PostedCard], groups: Mapping[str, tuple[PostedCard, ...]]
) -> tuple[PostedCard, ...]:
    match row.body:
        case SyncGroup(key) | TimelineBatch(thread_key=key, of_group=True):
            return groups[key]
        case SyncCard(key) | ThreadEntry(card_key=key) | TimelineBatch(thread_key=key):
            card = cards.get(key)
            return (card,) if card else ()
        case Notice(failures=failures):
            return tuple(cards[each.card_key] for each in failures if each.card_key in cards)
        case _:
            return ()


def redraw_of(pending: PendingDelivery, at: datetime) -> Message:
    """What is owed where the message does not show the latest of its cards."""
    row = pending.delivery
    body, key = row.body, row.id
    if isinstance(body, Recheck):
        key, body = body.of, SyncGroup(body.of) if body.of_group else SyncCard(body.of)
    priority = max(row.message.priority, Priority.RECOVERY)
    return Message(id=key, receiver=row.receiver, priority=priority, body=body, made_at=at)


def recheck_of(pending: PendingDelivery, at: datetime) -> Message:
    """Looks the message up once more when every earlier attempt must have arrived, to delete a repeat."""
    row, message = pending.delivery, pending.delivery.message
    body = Recheck(
        of=row.id,
        after_id=row.attempt.after_id,
        parent_id=pending.parent_id,
        shows=tuple(pending.shown),
        of_group=isinstance(row.body, SyncGroup),
    )
    return Message(
        id=stable_key(row.id, "recheck", at.isoformat()),
        receiver=message.receiver,
        priority=Priority.UPDATE,
        body=body,
        made_at=at,
        earliest=min(filter(None, (row.attempt.sent_at, message.earliest, message.made_at))),
        not_before=at + RECHECK_AFTER,
    )
