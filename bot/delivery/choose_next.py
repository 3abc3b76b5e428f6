"""Chooses the next action in one lane: send a message, look messages up, or wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.delivery.faults import Faults
from bot.delivery.pending import PendingDelivery, cards_of
from bot.delivery.rate_limiter import RateLimiter
from bot.domain.backlog import Backlog, GroupRule
from bot.domain.body import Recheck
from bot.domain.card import NO_GROUP, Pointer, PostedCard, PostedGroup, SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery, Lane, LaneKind, Priority
from bot.domain.lane_order import in_order, thread_of
from bot.domain.notice import Notice
from bot.domain.pager import PagerEvent
from bot.domain.postmortem import Postmortem
from bot.domain.protocol import LOOKUP_INTERVAL, decide, in_doubt, patience_with, sends_without_lookup
from bot.domain.settlement import Find, Ownership, Wait
from bot.ports.cards import Cards
from bot.ports.outbox import Outbox
from bot.ports.rate_limits import Method

CLAIM_AHEAD_SECONDS = LOOKUP_INTERVAL.total_seconds()  # from its first lookup on, a page is about to be sent


@dataclass(frozen=True, slots=True)
class LaneSnapshot:
    """The rows of one lane, with the cards and groups that they show or reply to, all read just now."""

    lane: Lane
    rows: tuple[Delivery, ...]
    """Oldest first."""
    cards: Mapping[str, PostedCard]
    """By the card's key."""
    groups: Mapping[str, PostedGroup]
    """By the group's key."""
    recent: tuple[str, ...] = ()
    """The receiver's recent failures. Read only if another one waits."""

    @classmethod
    async def read(cls, outbox: Outbox, known: Cards, lane: Lane, recent_since: datetime) -> "LaneSnapshot":
        rows = await outbox.deliveries(lane)
        bodies = [row.body for row in rows]
        keys = {body.card_key for body in bodies if isinstance(body, SyncCard | ThreadEntry | Pointer | Postmortem)}
        keys |= {body.thread_key for body in bodies if isinstance(body, TimelineBatch) and not body.of_group}
        of_failures = (body.failures for body in bodies if isinstance(body, Notice | PagerEvent))
        keys |= {failure.card_key for failures in of_failures for failure in failures if failure.card_key}
        keys |= {body.of for body in bodies if isinstance(body, Recheck)}
        keys |= {row.message.after_card for row in rows if row.message.after_card}
        cards = dict(await known.cards(sorted(keys)))
        recent: tuple[str, ...] = ()
        if lane.kind is LaneKind.PAGES and any(_is_fresh(cards.get(row.id), row) for row in rows):
            recent = await known.recent_failures(lane.receiver, recent_since)
            cards |= await known.cards([key for key in recent if key not in cards])
        group_keys = {body.group_key for body in bodies if isinstance(body, SyncGroup)}
        group_keys |= {body.thread_key for body in bodies if isinstance(body, TimelineBatch) and body.of_group}
        group_keys |= {body.of for body in bodies if isinstance(body, Recheck)}
        group_keys |= {group for key in recent if key in cards and (group := cards[key].group)}
        return cls(lane, rows, cards, await known.groups(sorted(group_keys)), recent)

    def backlog(
        self,
        now: datetime,
        doubt_since: datetime | None,
        *,
        service_away: bool = False,
        updates_late: bool = False,
        rule: GroupRule,
    ) -> Backlog:
        """The rows that may be regrouped.

        Do not regroup a message that may already be posted: the lookup needs its key. A card with a known message
        needs no lookup, and a card of a group never replaces the group's message.
        """
        return Backlog(
            team=self.lane.receiver.team,
            rows=[row for row in self.rows if self._is_posted(row) or not in_doubt(row, doubt_since)],
            cards=self.cards,
            groups=self.groups,
            recent=self.recent,
            now=now,
            service_away=service_away,
            updates_late=updates_late,
            rule=rule,
        )

    def _is_posted(self, row: Delivery) -> bool:
        card = self.cards.get(row.body.card_key) if isinstance(row.body, SyncCard) else None
        return card is not None and card.message_id is not None

    def ready(self) -> list[PendingDelivery]:
        """The deliveries that may go next, most urgent first. Closed pages come after open ones."""
        pending_by_id = {row.id: self._pending(row) for row in self.rows}
        # If the store forgot an entry's card, let the entry through: the lane worker drops it.
        posted = {
            thread_key: pending.message_id is not None or not pending.cards
            for pending in pending_by_id.values()
            if (thread_key := thread_of(pending.delivery.body))
        }
        posted |= {
            key: card.message_id is not None or card.removed or card.summarized_revision > 0
            for key, card in self.cards.items()
        }
        ordered = [pending_by_id[row.id] for row in in_order(self.rows, posted)]
        return sorted(ordered, key=lambda pending: pending.is_closed) if self.lane.kind is LaneKind.PAGES else ordered

    def _pending(self, row: Delivery) -> PendingDelivery:
        body = row.body
        key = body.group_key if isinstance(body, SyncGroup) else body.of if isinstance(body, Recheck) else ""
        group = self.groups.get(key, NO_GROUP)
        return PendingDelivery(row, cards_of(row, self.cards, self.groups), size=group.size)


def _is_fresh(card: PostedCard | None, row: Delivery) -> bool:
    """True if the row posts a card that no message shows."""
    return isinstance(row.body, SyncCard) and card is not None and card.message_id is None and card.group is None


@dataclass(frozen=True, slots=True)
class NextAction:
    """One of three: a message to send, lookups in one conversation or thread, or a wait."""

    send: PendingDelivery | None = None
    look_up: tuple[PendingDelivery, ...] = ()
    seconds: float = 0.0
    """How long to wait if there is nothing to send or look up. Infinite: until a new message comes."""

    @property
    def method(self) -> Method | None:
        """The call that the action makes; None for a wait."""
        return Method.HISTORY if self.look_up else self.send.method if self.send else None


def choose_next(
    lane: Lane, ready: Sequence[PendingDelivery], now: datetime, ownership: Ownership, limiter: RateLimiter
) -> NextAction:
    """The next action that the rate limits allow. `ready` has the most urgent delivery first."""
    limiter.claims.withdraw(lane)
    if lane.kind is LaneKind.PAGES and any(_goes_soon(pending.delivery, now) for pending in ready):
        limiter.claim(lane.receiver)
    seconds = float("inf")
    waited: set[tuple[Method, Priority]] = set()
    for pending in _retries_first(ready, limiter):
        step = decide(pending.delivery, now, ownership, idempotent=pending.may_repeat)
        if isinstance(step, Wait):
            wait = (step.until - now).total_seconds()
            _claim_ahead(lane, pending, wait, limiter)
            seconds = min(seconds, wait)
            continue
        needs_lookup = isinstance(step, Find) or isinstance(pending.delivery.body, Recheck)
        call = (pending.method, pending.delivery.message.priority)
        if not needs_lookup and call in waited and not limiter.away(pending.method):
            continue  # it waits as long as the one before: a long queue costs no more than a short one
        _claim(lane, pending, Method.HISTORY if needs_lookup else pending.method, limiter)
        wait = (
            _seconds_until_lookup(lane, pending, limiter)
            if needs_lookup
            else _seconds_until(lane, pending, pending.method, limiter)
        )
        if needs_lookup:
            _claim_ahead(lane, pending, wait, limiter)
        if needs_lookup and wait <= 0:
            return NextAction(look_up=(pending, *_lookups_in_same_place(pending, ready, now, ownership)))
        if wait <= 0:
            return NextAction(send=pending)
        seconds = min(seconds, wait)
        if not needs_lookup:
            waited.add(call)
    return NextAction(seconds=seconds)


def _goes_soon(row: Delivery, now: datetime) -> bool:
    """True for an untried message. The page of a group may wait for its turn: until then the feed need not give way."""
    soon = now + timedelta(seconds=CLAIM_AHEAD_SECONDS)
    return row.attempt.count == 0 and (row.not_before is None or row.not_before <= soon)


def without_alike(ready: Sequence[PendingDelivery], faults: Faults) -> tuple[PendingDelivery, ...]:
    """The deliveries for `choose_next`, unless the service is away or the store in doubt.

    Leaves out each untried delivery behind another that waits for the same call: it can't go first. So a lane with a
    long queue decides as fast as one with a short queue.
    """
    first: dict[tuple[Method, Priority], PendingDelivery] = {}
    return tuple(
        pending
        for pending in ready
        if not pending.untried
        or pending.delivery in faults
        or first.setdefault((pending.method, pending.delivery.message.priority), pending) is pending
    )


def _retries_first(ready: Sequence[PendingDelivery], limiter: RateLimiter) -> Sequence[PendingDelivery]:
    """While the service answers no posts, a lane only retries earlier attempts. Untried messages can still be
    grouped. A message that is itself at fault goes last."""
    able = [pending for pending in ready if pending.delivery not in limiter.faults]
    tried = [pending for pending in able if pending.delivery.attempt.count > 0]
    if tried and limiter.away(Method.POST):
        return tried
    return [*able, *(pending for pending in ready if pending.delivery in limiter.faults)]


def _claim(lane: Lane, pending: PendingDelivery, method: Method, limiter: RateLimiter) -> None:
    limiter.claims.make(lane, method, limiter.rank(pending.delivery))
    if lane.kind is LaneKind.PAGES and method is Method.POST and pending.delivery not in limiter.faults:
        limiter.claim(lane.receiver)


def _claim_ahead(lane: Lane, pending: PendingDelivery, seconds: float, limiter: RateLimiter) -> None:
    """A page that is about to be sent again claims the call before its wait or lookup ends. So no notice overtakes it.

    An earlier claim would let a page that nothing answers hold up the others.
    """
    if lane.kind is LaneKind.PAGES and seconds <= CLAIM_AHEAD_SECONDS:
        limiter.claims.make(lane, pending.method, limiter.rank(pending.delivery))


def _seconds_until(lane: Lane, pending: PendingDelivery, method: Method, limiter: RateLimiter) -> float:
    return limiter.ranked_wait(lane, method, limiter.rank(pending.delivery))


def _seconds_until_lookup(lane: Lane, pending: PendingDelivery, limiter: RateLimiter) -> float:
    """A page waits for a throttled history only as long as its patience lasts, unless nothing answers.

    After patience ran out, the lane repeats the lookup only right before it can send.
    """
    wait = _seconds_until(lane, pending, Method.HISTORY, limiter)
    silent = limiter.unanswered(Method.HISTORY) and limiter.unanswered(Method.POST)
    if lane.kind is LaneKind.PAGES and not silent:
        wait = 0.0 if wait > patience_with(pending.delivery, lost=False).total_seconds() else wait
    return (
        max(wait, _seconds_until(lane, pending, Method.POST, limiter))
        if sends_without_lookup(pending.delivery)
        else wait
    )


def _lookups_in_same_place(
    first: PendingDelivery, ready: Sequence[PendingDelivery], now: datetime, ownership: Ownership
) -> list[PendingDelivery]:
    """One read of a channel or thread serves all lookups in it."""
    return [
        pending
        for pending in ready
        if pending is not first
        and pending.parent_id == first.parent_id
        and isinstance(decide(pending.delivery, now, ownership, idempotent=pending.may_repeat), Find)
    ]
