"""A delivery with its cards and group, ready to send."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.body import Content, Recheck
from bot.domain.card import (
    NO_GROUP,
    Group,
    MovedCard,
    Pointer,
    PostedCard,
    PostedGroup,
    SyncCard,
    SyncGroup,
    ThreadEntry,
    TimelineBatch,
)
from bot.domain.delivery import Attempt, AttemptState, Delivery, LaneKind, Lookup, Message, Priority
from bot.domain.ended_calls import with_ends
from bot.domain.episode import EpisodeKind, EpisodeOutcome, stable_key
from bot.domain.held_pages import is_repeated_call
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.observation import PipelineId
from bot.domain.pager import PagedFailure, PagerEvent
from bot.domain.postmortem import Postmortem
from bot.domain.protocol import RECHECK_AFTER, lookup_start
from bot.domain.story import adds_a_problem
from bot.domain.watch import ChannelId
from bot.ports.rate_limits import Method


@dataclass(frozen=True, slots=True)
class PendingDelivery:
    """A delivery, and the latest content that it has to show."""

    delivery: Delivery
    cards: tuple[PostedCard, ...]
    """The cards that the message shows or replies to, or that it rechecks. A message without a card has none."""
    size: int = 0
    """For a group: the number of its cards, with those that the store has forgotten."""

    @property
    def shows_cards(self) -> bool:
        """True if the message is a card or a group's message; False for thread entries and notices."""
        return isinstance(self.delivery.body, SyncCard | SyncGroup)

    @property
    def pipeline_id(self) -> PipelineId | None:
        """The pipeline that the message is about; None if there are several, or none."""
        pipeline_ids = {card.content.pipeline.id for card in self.cards}
        if isinstance(self.delivery.body, PagerEvent):
            pipeline_ids = {failure.pipeline.id for failure in self.delivery.body.failures}
        return pipeline_ids.pop() if len(pipeline_ids) == 1 else None

    @property
    def message_id(self) -> str | None:
        """The posted message of the card or group; None before it is posted."""
        if isinstance(self.delivery.body, Pointer):
            return self.delivery.body.message_id
        if isinstance(self.delivery.body, Notice):
            return self.delivery.body.posted.message_id if self.delivery.body.posted else None
        return next((card.message_id for card in self.cards if card.message_id), None)

    @property
    def untried(self) -> bool:
        """True if it may go as soon as the limits allow: no attempt or lookup so far, and no time to wait for."""
        row = self.delivery
        return row.attempt == Attempt() and row.not_before is None and not isinstance(row.body, Recheck)

    @property
    def updates(self) -> bool:
        """True if it updates a posted message, rather than posting a new one."""
        body = self.delivery.body
        edits_call = isinstance(body, Notice) and body.posted is not None
        return (self.shows_cards and self.message_id is not None) or isinstance(body, Pointer) or edits_call

    @property
    def may_repeat(self) -> bool:
        """True if a message of unknown fate is sent again without a lookup.

        An update is harmless twice. A pager's service drops repeats by their key, or else can't be asked for a message.
        """
        return self.updates or isinstance(self.delivery.body, PagerEvent)

    @property
    def method(self) -> Method:
        """The call that sends the message."""
        return Method.UPDATE if self.updates else Method.POST

    @property
    def parent_id(self) -> str | None:
        """The message at the top of the thread that gets this one; None outside a thread."""
        if isinstance(self.delivery.body, Recheck):
            return self.delivery.body.parent_id
        attempt = self.delivery.attempt
        if attempt.state is AttemptState.SENDING and (attempt.parent_id or self._may_leave_thread):
            return attempt.parent_id  # the card may have moved to a group since
        if self._may_leave_thread and self.reaches_channel:
            return None
        if isinstance(self.delivery.body, Notice):
            return self._thread_of_call if self.delivery.body.in_thread else None
        in_thread = isinstance(self.delivery.body, ThreadEntry | TimelineBatch | Postmortem)
        return self.message_id if in_thread else None

    @property
    def _may_leave_thread(self) -> bool:
        return isinstance(self.delivery.body, ThreadEntry | TimelineBatch) and self.delivery.body.in_channel

    @property
    def reaches_channel(self) -> bool:
        """True for entries of a thread that the channel sees too."""
        content = self.content
        return isinstance(content, ThreadEntry | TimelineBatch) and content.broadcast

    @property
    def _thread_of_call(self) -> str | None:
        """The message that shows all failures of a call: a card, or a group's. None if they are in several."""
        messages = {card.message_id for card in self.cards}
        return messages.pop() if len(messages) == 1 else None

    @property
    def is_closed(self) -> bool:
        """All its cards belong to closed episodes."""
        return self.shows_cards and not any(card.content.episode.open for card in self.cards)

    @property
    def worth_sending(self) -> bool:
        """False if the receiver already has all of it.

        A deleted card returns only with news, and a thread entry vanishes with its card. A held page is not sent
        either: a summary covers it.
        """
        match self.delivery.body:
            case SyncCard() | SyncGroup():
                return any(card.revision > card.shown_revision and not card.summarized_revision for card in self.cards)
            case ThreadEntry() | TimelineBatch() | Postmortem():
                return bool(self.cards)
            case Pointer():
                return self.moved
            case Notice(kind=NoticeKind.CALL_OVER | NoticeKind.TAKEN_OVER):
                return True
            case Notice(kind=kind, failures=failures) if failures or kind is NoticeKind.CALL_AGAIN:
                return any(self._needs_attention(failure) for failure in failures)
            case _:
                return True

    def _needs_attention(self, failure: OpenFailure) -> bool:
        """The episode is open and nobody answered it. True as well if the store forgot the card."""
        episodes = [card.content.episode for card in self.cards if card.content.key == failure.card_key]
        return all(episode.unanswered for episode in episodes)

    def _with_card_link(self, failure: PagedFailure) -> PagedFailure:
        """A page never waits for its card: before that is posted, the link leads to the channel."""
        messages = (card.message_id for card in self.cards if card.content.key == failure.card_key)
        if not failure.card_link or (message_id := next(filter(None, messages), None)) is None:
            return failure
        return replace(failure, card_link=f"{failure.card_link}/p{message_id.replace('.', '')}")

    def _of_whole_group(self, batch: TimelineBatch) -> TimelineBatch:
        """Broadcasts the end of a group's last open failure, a failure that came back or flaps, and another problem."""
        episodes = [card.content.episode for card in self.cards]
        again = any(entry.entry.reopens or entry.entry.flap for entry in batch.entries)
        again = again or any(adds_a_problem(EpisodeKind.FAILURE, entry.entry) for entry in batch.entries)
        broadcast = batch.broadcast and (again or not any(episode.open for episode in episodes))
        recovered = all(episode.outcome is EpisodeOutcome.RECOVERED for episode in episodes)
        pipelines = dict.fromkeys(episode.pipeline_id for episode in episodes)  # one may have failed repeatedly
        everyone = len(pipelines) if recovered else 0
        return replace(batch, broadcast=broadcast, all_recovered=everyone, members=tuple(pipelines))

    @property
    def moved(self) -> bool:
        """True if a group's message shows the card, and not the message that this delivery is about."""
        match self.delivery.body:
            case Pointer(card_key=key) | Recheck(of=key):
                return any(card.group not in {None, key} for card in self.cards)
            case _:
                return False

    @property
    def is_new_failure(self) -> bool:
        """True for a new message about failures. Later ones may form a group with it."""
        return self.delivery.lane.kind is LaneKind.PAGES and self.shows_cards and not self.updates

    @property
    def is_new_page(self) -> bool:
        """True for a new direct page or a repeated one: it counts towards the person's hourly limit."""
        card = self.delivery.message.priority is Priority.PAGE and self.shows_cards and not self.updates
        return card or is_repeated_call(self.delivery)

    @property
    def shown(self) -> dict[str, int]:
        """The revision of each card that this message shows."""
        return {card.content.key: card.revision for card in self.cards} if self.shows_cards else {}

    @property
    def lookup(self) -> Lookup:
        """The search for this message, or for the message that it rechecks."""
        body = self.delivery.body
        return Lookup(
            receiver=self.delivery.receiver,
            key=body.of if isinstance(body, Recheck) else self.delivery.id,
            oldest=lookup_start(self.delivery),
            parent_id=self.parent_id,
        )

    @property
    def content(self) -> Content:
        """The latest content, for the chat to render.

        Raises:
            TypeError: a recheck has none.
        """
        match self.delivery.body:
            case SyncCard():
                return self.cards[0].content
            case SyncGroup(key):
                cards = tuple(card.content for card in self.cards)
                channel = ChannelId(self.delivery.receiver.id)
                return Group(key=key, channel=channel, cards=cards)
            case Pointer():
                return MovedCard(card=self.cards[0].content)
            case TimelineBatch(of_group=True) as batch:
                return self._of_whole_group(batch)
            case Notice(kind=NoticeKind.CALL_OVER) as notice:
                return with_ends(notice, {card.content.key: card for card in self.cards})
            case Notice(failures=failures) as notice:
                return replace(
                    notice, failures=tuple(failure for failure in failures if self._needs_attention(failure))
                )
            case PagerEvent(failures=paged) as event:
                return replace(event, failures=tuple(self._with_card_link(failure) for failure in paged))
            case Recheck():
                raise TypeError("a recheck is looked for, never sent")
            case content:
                return content


def cards_of(
    row: Delivery, cards: Mapping[str, PostedCard], groups: Mapping[str, PostedGroup]
) -> tuple[PostedCard, ...]:
    """The cards that the row shows or replies to, without those that the store has forgotten."""
    match row.body:
        case SyncGroup(key) | TimelineBatch(thread_key=key, of_group=True):
            return groups.get(key, NO_GROUP).cards
        case Recheck(of=key) if groups.get(key, NO_GROUP).cards:
            return groups[key].cards  # the message has grown into a group's
        case (
            SyncCard(key)
            | ThreadEntry(card_key=key)
            | Postmortem(card_key=key)
            | TimelineBatch(thread_key=key)
            | Pointer(card_key=key)
            | Recheck(of=key)
        ):
            card = cards.get(key)
            return (card,) if card else ()
        case Notice(failures=failures) | PagerEvent(failures=failures):
            return tuple(cards[failure.card_key] for failure in failures if failure.card_key in cards)
        case _:
            return ()


def redraw_of(pending: PendingDelivery, at: datetime) -> Message:
    """The message to enqueue if the receiver does not have the latest revision of the cards."""
    row = pending.delivery
    body, key = row.body, row.id
    if isinstance(body, Recheck):
        key, body = body.of, SyncGroup(body.of) if body.of_group or pending.size else SyncCard(body.of)
    priority = max(row.message.priority, Priority.RECOVERY)
    return Message(id=key, receiver=row.receiver, priority=priority, body=body, made_at=at)


def recheck_of(pending: PendingDelivery, at: datetime) -> Message:
    """Looks the message up again after every earlier attempt has landed, to delete a repeat."""
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
        earliest=min(filter(None, (message.earliest, message.made_at))),
        not_before=at + RECHECK_AFTER,
    )
