"""Takes what one lane owes to a known outcome, one message after the other, as long as its lease is held."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.delivery.choose_next import LaneSnapshot, choose_next
from bot.delivery.claims import Rank
from bot.delivery.doubt import Doubt
from bot.delivery.job import Job, recheck_of, redraw_of
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
    after_lookup,
    after_recheck,
    after_repeat_left,
    after_send,
    given,
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
        self._look_seconds = services.lookup_seconds
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
        jobs = (await self.tidied()).jobs()
        if not jobs:
            return None
        await self._keep_lease()
        following = choose_next(self._lane, jobs, self._clock.now(), self._ownership, self._limiter)
        if following.look_up:
            await self._look_up(following.look_up)
            return 0.0
        if following.send is None:
            return following.seconds
        return 0.0 if await self._work(following.send) else None

    async def tidied(self) -> LaneSnapshot:
        """What the lane owes, once what can be told together is gathered."""
        while True:
            owed = await LaneSnapshot.read(self._outbox, self._cards, self._lane)
            backlog = owed.backlog(self._team, self._doubt.since, away=self._limiter.away(Method.POST))
            grouping = await self._held_back(backlog) or regroup(backlog)
            if grouping is None:
                return owed
            if not await self._outbox.regroup(grouping, self._lane, self.lease):
                raise LeaseLostError(f"the lease of {self._lane.name} is another's now")
            if grouping.redraws:
                await self._outbox.enqueue(grouping.redraws)

    async def _held_back(self, backlog: Backlog) -> Grouping | None:
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

    async def _work(self, job: Job) -> bool:
        """False when the channel is not to be written to for now."""
        if job.worth_sending:
            self._limiter.took(self._lane.receiver, job.method)  # before anything is waited for: the next one sees it
            claim = await self._claimed(job.delivery)
            if (seconds := self._limiter.barred(self._lane.receiver, job.method)) > 0:
                await self._settle(self._put_off(job.delivery, seconds), job)
                return True
            job = replace(job, delivery=claim)
            settlement = await self._send(job)
        else:
            settlement = Drop("there is nothing new to show")
        await self._settle(settlement, job)
        return not isinstance(settlement, Suspend)

    async def _claimed(self, delivery: Delivery) -> Delivery:
        """Recorded as given before the call: whoever finds it so later looks before sending again."""
        claim = given(delivery, self._clock.now(), self._ownership)
        if not await self._outbox.write(claim, self.lease):
            raise LeaseLostError(f"{claim.id} could not be claimed")
        if self.lease.expires - self._clock.monotonic() < CALL_SECONDS:
            raise LeaseLostError(f"too little is left of the lease of {self._lane.name}")
        return claim

    def _put_off(self, delivery: Delivery, seconds: float) -> Again:
        """As it was before the claim: it was not given to Slack."""
        return Again(
            delivery.after(replace(delivery.attempt, not_before=self._clock.now() + timedelta(seconds=seconds)))
        )

    async def _send(self, job: Job) -> Settlement:
        self._limiter.sends(self._lane.receiver, job.method)
        outcome = await self._call(job)
        match outcome:
            case Refused(kind=Refusal.RATE_LIMITED, retry_after=wait):
                await self._throttle(job.method, wait or timedelta(seconds=1))
            case Unknown() | Refused(kind=Refusal.NOT_SENT | Refusal.WORKSPACE):
                self._limiter.lost(job.method)
            case Posted() | Refused():
                self._limiter.answered(job.method)
        if isinstance(outcome, Posted) and not job.updates:
            self._last_id = max(self._last_id, outcome.message_id)
        return after_send(job.delivery, outcome, self._clock.now())

    async def _throttle(self, method: Method, wait: timedelta) -> None:
        """Also stored: a bot that starts anew obeys it too."""
        self._limiter.throttle(method, wait.total_seconds())
        now = self._clock.now()
        await self._rate_limits.save_throttle(method, now, now + wait)

    async def _call(self, job: Job) -> Outcome:
        now = self._clock.now()
        if job.updates and job.message_id is not None:  # what is there already is not told late
            return await self._chat.update(
                replace(job.delivery, message=replace(job.delivery.message, made_at=now)),
                job.content,
                message_id=job.message_id,
                now=now,
            )
        delivery = job.delivery.after(
            replace(job.delivery.attempt, delay=job.delivery.attempt.delay or self._delay(job, now))
        )
        return await self._chat.post(delivery, job.content, parent_id=job.parent_id, now=now)

    def _delay(self, job: Job, now: datetime) -> Delay | None:
        """Why it comes late though it was not tried before."""
        if self._resumed_at and job.delivery.message.made_at < self._resumed_at:
            return Delay.SUSPENDED
        if job.delivery.message.made_at < self._doubt.began_at:
            return Delay.AWAY
        return self._limiter.kept_back(job.method, (now - job.delivery.message.made_at).total_seconds())

    async def _look_up(self, jobs: Sequence[Job]) -> None:
        for job, lookup_result in zip(jobs, await self._find(jobs), strict=True):
            if isinstance(job.delivery.body, Recheck):
                settlement = after_recheck(job.delivery, lookup_result, self._clock.now())
            else:
                settlement = after_lookup(job.delivery, lookup_result, self._clock.now(), self._ownership)
            await self._settle(settlement, job)

    async def _find(self, jobs: Sequence[Job]) -> Sequence[LookupResult]:
        if self._limiter.turn(self._lane, Method.HISTORY, Rank.of(jobs[0].delivery)) > 0:
            lost = self._limiter.unanswered(Method.HISTORY)
            return [Unreadable("Slack does not let the history be read for now", lost=lost)] * len(jobs)
        self._limiter.took(self._lane.receiver, Method.HISTORY)
        try:
            async with asyncio.timeout(self._look_seconds):
                results = await self._chat.find([job.lookup for job in jobs])
        except TimeoutError:
            results = [Unreadable("Slack took too long to show the history", lost=True)] * len(jobs)
        match next((each for each in results if isinstance(each, Unreadable)), None):
            case Unreadable(retry_after=timedelta() as wait):
                await self._throttle(Method.HISTORY, wait)
            case Unreadable(lost=True):
                self._limiter.lost(Method.HISTORY)
            case _:
                self._limiter.answered(Method.HISTORY)
        return results

    # --- how it ended ----------------------------------------------------------------------------------------------

    async def _settle(self, settlement: Settlement, job: Job) -> None:
        delivery = job.delivery
        if isinstance(settlement, Done) and not await self._taken_away(delivery, settlement.repeats):
            settlement = after_repeat_left(delivery, settlement, self._clock.now())
        if isinstance(settlement, Again | Suspend):
            kept = await self._outbox.write(settlement.delivery, self.lease)
        else:
            kept = await self._outbox.settle(delivery, self.lease, self._ending(settlement, job))
        outcome, reason = _words(settlement)
        emit(
            DeliverySettled(
                id=delivery.id, channel=delivery.receiver.channel, outcome=outcome, reason=reason, kept=kept
            )
        )
        if not kept:
            await self._overtaken(settlement, job)
        if isinstance(settlement, Suspend):
            await self._suspensions.suspend(delivery.receiver.channel, settlement.reason)

    async def _taken_away(self, delivery: Delivery, repeats: Sequence[str]) -> bool:
        gone = [await self._chat.delete(delivery.receiver, repeat) for repeat in repeats]
        if repeats:
            emit(
                DuplicatesFound(
                    delivery=delivery.id, channel=delivery.receiver.channel, messages=repeats, deleted=sum(gone)
                )
            )
        return all(gone)

    def _ending(self, settlement: Done | Gone | Drop, job: Job) -> DeliveryResult:
        now = self._clock.now()
        moved_on = redraw_of(job, now)
        match settlement:
            case Done(message_id, found, group, _, recheck, came_at):
                # What was found instead of posted may show an older revision: it is drawn once more, to be sure.
                shown = dict.fromkeys(job.shown, 0) if found else job.shown
                if isinstance(job.delivery.body, Recheck) and settlement.repeats:
                    shown = dict.fromkeys(job.delivery.body.shows, 0)
                follows = recheck_of(job, now) if recheck and not job.updates else None
                return DeliveryResult(
                    kind=ResultKind.POSTED,
                    redraw=moved_on,
                    message_id=message_id,
                    shown=shown,
                    came_at=came_at if found or job.updates else job.shown,
                    group=group,
                    follow_up=follows,
                    log=_page_entry(job, now),
                )
            case Gone():
                # A card that somebody deleted comes back with news, and this update was some.
                kind = ResultKind.REMOVED if job.updates else ResultKind.UNCHANGED
                return DeliveryResult(kind=kind, redraw=moved_on, shown=dict.fromkeys(job.shown, 0))
            case Drop():
                # A card that can never be posted is as one that was removed: what comes after it does not wait for it.
                kind = ResultKind.REMOVED if job.shows_cards and job.message_id is None else ResultKind.UNCHANGED
                return DeliveryResult(kind=kind, redraw=moved_on, shown=job.shown)

    async def _overtaken(self, settlement: Settlement, job: Job) -> None:
        """Our lease ran out during the call. Whoever has the lane now may have sent the same, or a newer revision
        before our call landed: both are put right, by whoever comes to it."""
        now = self._clock.now()
        if job.updates:
            await self._outbox.enqueue([redraw_of(job, now)], redrawn=tuple(job.shown))
        elif isinstance(settlement, Done | Again) and job.delivery.attempt.state is State.SENDING:
            await self._outbox.enqueue([recheck_of(job, now)])
        raise LeaseLostError(f"the lease of {self._lane.name} ran out during a call")


def _page_entry(job: Job, now: datetime) -> PageEntry | None:
    of_summary = isinstance(job.delivery.body, HeldPages)
    return PageEntry(of_summary=of_summary, at=now) if of_summary or job.is_new_page else None


def _words(settlement: Settlement) -> tuple[str, str | None]:
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
