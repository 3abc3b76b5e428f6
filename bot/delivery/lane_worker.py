"""Takes what one lane owes to a known outcome, one message after the other, as long as its lease is held."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.delivery.choose_next import LaneSnapshot, choose_next
from bot.delivery.claims import Rank
from bot.delivery.doubt import Doubt
from bot.delivery.pending import PendingDelivery, recheck_of, redraw_of
from bot.delivery.rate_limiter import CALL_SECONDS, Method, RateLimiter
from bot.delivery.suspensions import Suspensions
from bot.domain.card import HeldPages, Recheck
from bot.domain.delivery import (
    Again,
    Delay,
    Delivery,
    Done,
    Drop,
    Gone,
    Lane,
    LookupResult,
    Outcome,
    Ownership,
    Posted,
    Refusal,
    Refused,
    Settlement,
    State,
    Suspend,
    Unknown,
    Unreadable,
)
from bot.domain.grouping import Backlog, Grouping, regroup
from bot.domain.held_pages import PERIOD, concerns_pages, hold_back
from bot.domain.protocol import (
    after_failed_delete,
    after_lookup,
    after_recheck,
    after_send,
    as_sending,
)
from bot.domain.watch import TeamId
from bot.ports.cards import Cards
from bot.ports.chat import Chat
from bot.ports.clock import Clock
from bot.ports.lanes import Lanes
from bot.ports.lease_store import Lease
from bot.ports.outbox import DeliveryResult, Outbox, PageEntry, ResultKind
from bot.ports.rate_limit_store import RateLimitStore
from bot.ports.telemetry import emit
from bot.ports.telemetry.delivery import DeliverySettled, DuplicatesFound


class LeaseLostError(Exception):
    """Another sender owns the lane now: whatever was under way, it will look for."""


class LaneStore(Lanes, Outbox, Cards, RateLimitStore, Protocol):
    """Lanes, deliveries, cards and rate limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneServices:
    """What all couriers of one bot share."""

    store: LaneStore
    chat: Chat
    clock: Clock
    limiter: RateLimiter
    doubt: Doubt
    suspensions: Suspensions
    team: TeamId
    pages_an_hour: int = 10
    """Most direct pages for one person in an hour; a summary replaces later ones."""
    lookup_seconds: float = CALL_SECONDS
    """How long one look into a history may take; a lease must outlast it."""


class LaneWorker:
    """Owns one lane while `lease` lasts."""

    def __init__(
        self, services: LaneServices, lane: Lane, lease: Lease, last_id: str, resumed_at: datetime | None
    ) -> None:
        self._lanes: Lanes = services.store
        self._outbox: Outbox = services.store
        self._cards: Cards = services.store
        self._rate_limits: RateLimitStore = services.store
        self._chat = services.chat
        self._clock = services.clock
        self._limiter = services.limiter
        self._doubt = services.doubt
        self._suspensions = services.suspensions
        self._team = services.team
        self._pages_an_hour = services.pages_an_hour
        self._lookup_seconds = services.lookup_seconds
        self._lane = lane
        self._last_id = last_id
        self._resumed_at = resumed_at
        self.lease = lease

    async def step(self) -> float | None:
        """Does the next thing that may be done. Answers the seconds until there may be another; None where nothing is
        owed, or the channel rests.

        Raises:
            LeaseLostError: the lane is another's now.
            StoreAway: nothing more was sent.
        """
        ready = (await self.tidied()).ready()
        if not ready:
            return None
        await self._keep_lease()
        action = choose_next(self._lane, ready, self._clock.now(), self._ownership, self._limiter)
        if action.look_up:
            await self._look_up(action.look_up)
            return 0.0
        if action.send is None:
            return action.seconds
        return 0.0 if await self._work(action.send) else None

    async def tidied(self) -> LaneSnapshot:
        """What the lane owes, once what can be told together is gathered."""
        while True:
            snapshot = await LaneSnapshot.read(self._outbox, self._cards, self._lane)
            backlog = snapshot.backlog(self._team, self._doubt.since, away=self._limiter.away(Method.POST))
            grouping = await self._hold_back(backlog) or regroup(backlog)
            if grouping is None:
                return snapshot
            if not await self._outbox.regroup(grouping, self._lane, self.lease):
                raise LeaseLostError(f"the lease of {self._lane.name} is another's now")
            if grouping.redraws:
                await self._outbox.enqueue(grouping.redraws)

    async def _hold_back(self, backlog: Backlog) -> Grouping | None:
        """Pages beyond what one person gets in an hour."""
        if not concerns_pages(backlog):
            return None
        log = await self._outbox.page_log(self._lane.receiver, self._clock.now() - PERIOD)
        return hold_back(backlog, log.allowance(self._pages_an_hour))

    @property
    def _ownership(self) -> Ownership:
        return Ownership(self.lease.since, self.lease.token, self._doubt.since, self._last_id)

    async def _keep_lease(self) -> None:
        if self.lease.expires - self._clock.monotonic() > 1.5 * CALL_SECONDS:
            return
        kept = await self._lanes.lease(self._lane, self.lease)
        if kept is None:
            raise LeaseLostError(f"the lease of {self._lane.name} is another's now")
        self.lease = kept

    # --- doing it --------------------------------------------------------------------------------------------------

    async def _work(self, pending: PendingDelivery) -> bool:
        """False when the channel is not to be written to for now."""
        if pending.worth_sending:
            self._limiter.took(
                self._lane.receiver, pending.method
            )  # before anything is waited for: the next one sees it
            sending = await self._record_sending(pending.delivery)
            if (seconds := self._limiter.barred(self._lane.receiver, pending.method)) > 0:
                await self._settle(self._postpone(pending.delivery, seconds), pending)
                return True
            pending = replace(pending, delivery=sending)
            settlement = await self._send(pending)
        else:
            settlement = Drop("there is nothing new to show")
        await self._settle(settlement, pending)
        return not isinstance(settlement, Suspend)

    async def _record_sending(self, delivery: Delivery) -> Delivery:
        """Recorded as given before the call: whoever finds it so later looks before sending again."""
        sending = as_sending(delivery, self._clock.now(), self._ownership)
        if not await self._outbox.write(sending, self.lease):
            raise LeaseLostError(f"{sending.id} could not be claimed")
        if self.lease.expires - self._clock.monotonic() < CALL_SECONDS:
            raise LeaseLostError(f"too little is left of the lease of {self._lane.name}")
        return sending

    def _postpone(self, delivery: Delivery, seconds: float) -> Again:
        """As it was before the claim: it was not given to Slack."""
        return Again(
            delivery.after(replace(delivery.attempt, not_before=self._clock.now() + timedelta(seconds=seconds)))
        )

    async def _send(self, pending: PendingDelivery) -> Settlement:
        self._limiter.sends(self._lane.receiver, pending.method)
        outcome = await self._call(pending)
        match outcome:
            case Refused(kind=Refusal.RATE_LIMITED, retry_after=wait):
                await self._throttle(pending.method, wait or timedelta(seconds=1))
            case Unknown() | Refused(kind=Refusal.NOT_SENT | Refusal.WORKSPACE):
                self._limiter.lost(pending.method)
            case Posted() | Refused():
                self._limiter.answered(pending.method)
        if isinstance(outcome, Posted) and not pending.updates:
            self._last_id = max(self._last_id, outcome.message_id)
        return after_send(pending.delivery, outcome, self._clock.now())

    async def _throttle(self, method: Method, wait: timedelta) -> None:
        """Also stored: a bot that starts anew obeys it too."""
        self._limiter.throttle(method, wait.total_seconds())
        now = self._clock.now()
        await self._rate_limits.save_throttle(method, now, now + wait)

    async def _call(self, pending: PendingDelivery) -> Outcome:
        now = self._clock.now()
        if pending.updates and pending.message_id is not None:  # what is there already is not told late
            return await self._chat.update(
                replace(pending.delivery, message=replace(pending.delivery.message, made_at=now)),
                pending.content,
                message_id=pending.message_id,
                now=now,
            )
        delivery = pending.delivery.after(
            replace(pending.delivery.attempt, delay=pending.delivery.attempt.delay or self._delay(pending, now))
        )
        return await self._chat.post(delivery, pending.content, parent_id=pending.parent_id, now=now)

    def _delay(self, pending: PendingDelivery, now: datetime) -> Delay | None:
        """Why it comes late though it was not tried before."""
        if self._resumed_at and pending.delivery.message.made_at < self._resumed_at:
            return Delay.SUSPENDED
        if pending.delivery.message.made_at < self._doubt.began_at:
            return Delay.AWAY
        return self._limiter.kept_back(pending.method, (now - pending.delivery.message.made_at).total_seconds())

    async def _look_up(self, ready: Sequence[PendingDelivery]) -> None:
        for pending, lookup_result in zip(ready, await self._find(ready), strict=True):
            if isinstance(pending.delivery.body, Recheck):
                settlement = after_recheck(pending.delivery, lookup_result, self._clock.now())
            else:
                settlement = after_lookup(pending.delivery, lookup_result, self._clock.now(), self._ownership)
            await self._settle(settlement, pending)

    async def _find(self, ready: Sequence[PendingDelivery]) -> Sequence[LookupResult]:
        if self._limiter.turn(self._lane, Method.HISTORY, Rank.of(ready[0].delivery)) > 0:
            lost = self._limiter.unanswered(Method.HISTORY)
            return [Unreadable("Slack does not let the history be read for now", lost=lost)] * len(ready)
        self._limiter.took(self._lane.receiver, Method.HISTORY)
        try:
            async with asyncio.timeout(self._lookup_seconds):
                results = await self._chat.find([pending.lookup for pending in ready])
        except TimeoutError:
            results = [Unreadable("Slack took too long to show the history", lost=True)] * len(ready)
        match next((each for each in results if isinstance(each, Unreadable)), None):
            case Unreadable(retry_after=timedelta() as wait):
                await self._throttle(Method.HISTORY, wait)
            case Unreadable(lost=True):
                self._limiter.lost(Method.HISTORY)
            case _:
                self._limiter.answered(Method.HISTORY)
        return results

    # --- how it ended ----------------------------------------------------------------------------------------------

    async def _settle(self, settlement: Settlement, pending: PendingDelivery) -> None:
        delivery = pending.delivery
        if isinstance(settlement, Done) and not await self._delete_repeats(delivery, settlement.repeats):
            settlement = after_failed_delete(delivery, settlement, self._clock.now())
        if isinstance(settlement, Again | Suspend):
            kept = await self._outbox.write(settlement.delivery, self.lease)
        else:
            kept = await self._outbox.settle(delivery, self.lease, self._ending(settlement, pending))
        outcome, reason = _summary(settlement)
        emit(
            DeliverySettled(
                id=delivery.id, channel=delivery.receiver.channel, outcome=outcome, reason=reason, kept=kept
            )
        )
        if not kept:
            await self._lease_ran_out(settlement, pending)
        if isinstance(settlement, Suspend):
            await self._suspensions.suspend(delivery.receiver.channel, settlement.reason)

    async def _delete_repeats(self, delivery: Delivery, repeats: Sequence[str]) -> bool:
        gone = [await self._chat.delete(delivery.receiver, repeat) for repeat in repeats]
        if repeats:
            emit(
                DuplicatesFound(
                    delivery=delivery.id, channel=delivery.receiver.channel, messages=repeats, deleted=sum(gone)
                )
            )
        return all(gone)

    def _ending(self, settlement: Done | Gone | Drop, pending: PendingDelivery) -> DeliveryResult:
        now = self._clock.now()
        redraw = redraw_of(pending, now)
        match settlement:
            case Done(message_id, found, group, _, recheck, came_at):
                # What was found instead of posted may show an older revision: it is drawn once more, to be sure.
                shown = dict.fromkeys(pending.shown, 0) if found else pending.shown
                if isinstance(pending.delivery.body, Recheck) and settlement.repeats:
                    shown = dict.fromkeys(pending.delivery.body.shows, 0)
                recheck_message = recheck_of(pending, now) if recheck and not pending.updates else None
                return DeliveryResult(
                    kind=ResultKind.POSTED,
                    redraw=redraw,
                    message_id=message_id,
                    shown=shown,
                    came_at=came_at if found or pending.updates else pending.shown,
                    group=group,
                    follow_up=recheck_message,
                    log=_page_entry(pending, now),
                )
            case Gone():
                # A card that somebody deleted comes back with news, and this update was some.
                kind = ResultKind.REMOVED if pending.updates else ResultKind.UNCHANGED
                return DeliveryResult(kind=kind, redraw=redraw, shown=dict.fromkeys(pending.shown, 0))
            case Drop():
                # A card that can never be posted is as one that was removed: what comes after it does not wait for it.
                kind = (
                    ResultKind.REMOVED if pending.shows_cards and pending.message_id is None else ResultKind.UNCHANGED
                )
                return DeliveryResult(kind=kind, redraw=redraw, shown=pending.shown)

    async def _lease_ran_out(self, settlement: Settlement, pending: PendingDelivery) -> None:
        """Our lease ran out during the call. Whoever has the lane now may have sent the same, or a newer revision
        before our call landed: both are put right, by whoever comes to it."""
        now = self._clock.now()
        if pending.updates:
            await self._outbox.enqueue([redraw_of(pending, now)], redrawn=tuple(pending.shown))
        elif isinstance(settlement, Done | Again) and pending.delivery.attempt.state is State.SENDING:
            await self._outbox.enqueue([recheck_of(pending, now)])
        raise LeaseLostError(f"the lease of {self._lane.name} ran out during a call")


def _page_entry(pending: PendingDelivery, now: datetime) -> PageEntry | None:
    of_summary = isinstance(pending.delivery.body, HeldPages)
    return PageEntry(of_summary=of_summary, at=now) if of_summary or pending.is_new_page else None


def _summary(settlement: Settlement) -> tuple[str, str | None]:
    """The outcome, and its reason if it has one."""
    match settlement:
        case Done(found=True):
            return "found", None
        case Done():
            return "posted", None
        case Again(delivery):
            return "again", delivery.attempt.state.value
        case Suspend(_, reason):
            return "suspended", reason.value
        case Drop(reason):
            return "dropped", reason
        case Gone(reason):
            return "gone", reason
