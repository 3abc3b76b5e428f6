"""Delivers one lane's messages in turn while it holds the lane's lease.

Writes `sending` before the call, so a later worker looks the message up before it resends.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.delivery.call_endings import CallStore, end_calls
from bot.delivery.choose_next import NextAction, choose_next
from bot.delivery.lane_reader import LaneReader, LeaseLostError
from bot.delivery.lane_services import LaneServices
from bot.delivery.pending import PendingDelivery, recheck_of, redraw_of
from bot.delivery.results import report, result_of
from bot.domain.body import Recheck
from bot.domain.delivery import (
    AttemptState,
    Delay,
    Delivery,
    Lane,
    LaneKind,
    LookupResult,
    Outcome,
    Posted,
    Priority,
    RefusalKind,
    Refused,
    Unknown,
    Unreadable,
)
from bot.domain.protocol import after_failed_delete, after_lookup, after_recheck, after_send, as_sending
from bot.domain.settlement import Again, Done, Drop, Ownership, Settlement, Suspend
from bot.ports.cards import Cards
from bot.ports.lanes import Lanes
from bot.ports.lease_store import Lease
from bot.ports.outbox import Outbox
from bot.ports.rate_limit_store import RateLimitStore
from bot.ports.rate_limits import Method
from bot.ports.telemetry import emit
from bot.ports.telemetry.delivery import DuplicatesFound


class LaneWorker:
    """Sends the messages of one lane, one at a time, while `lease` lasts.

    `last_id`: the service's stamp of the lane's last message. `resumed_at`: when the receiver last resumed.
    """

    def __init__(
        self, services: LaneServices, lane: Lane, lease: Lease, last_id: str, resumed_at: datetime | None
    ) -> None:
        self._lanes: Lanes = services.store
        self._outbox: Outbox = services.store
        self._cards: Cards = services.store
        self._rate_limits: RateLimitStore = services.store
        self._calls: CallStore = services.store
        carrier = services.carriers[lane.receiver.kind]
        self._chat = carrier.chat
        self._limiter = carrier.limiter
        self._suspender = carrier.suspender
        self._call_seconds = carrier.limiter.limits.call_seconds
        self._right = services.sending_right
        self._clock = services.clock
        self._doubt = services.doubt
        self._lane = lane
        self._last_id = last_id
        self._resumed_at = resumed_at
        self._changed = False
        self.lease = lease
        self.reader = LaneReader(services, lane)

    async def step(self, *, changed: bool = True) -> float | None:
        """Takes the next allowed action. Returns the seconds until the next one.

        None if the lane is empty, or the worker suspended the receiver.

        Args:
            changed: rows may have been added, or may go sooner, since the last step.

        Raises:
            LeaseLostError: another worker owns the lane now.
            StoreAway: nothing more was sent.
        """
        await self._keep_lease()
        self._check_right()
        self._changed |= changed
        action = None if self.reader.outdated else self._choose()
        if action is None:
            await self._read()
        elif method := self._next_method(action):
            action = None
            with self._limiter.holding(method):
                await self._read()
        if not self.reader.ready:
            return None
        action = action or self._choose()
        if action.look_up:
            await self._look_up(action.look_up)
            return 0.0
        if action.send is None:
            return min(action.seconds, self.reader.seconds_until_outdated)
        return 0.0 if await self._work(action.send) else None

    def _next_method(self, action: NextAction) -> Method | None:
        """The call that the worker may make now, after it has read the lane again. None: it only waits.

        Added rows matter only when a message could be posted: until then they would wait anyway.
        """
        news = self._changed and self.seconds_until_post <= 0
        return action.method or (Method.POST if news else None)

    @property
    def seconds_until_post(self) -> float:
        """How long a new message in this lane would wait for the rate limits."""
        urgency = Priority.FAILURE if self._lane.kind is LaneKind.PAGES else Priority.UPDATE
        return self._limiter.wait(self._lane.receiver, Method.POST, urgency)

    async def _read(self) -> None:
        self._changed = False
        await self.reader.read(self.lease)

    def _choose(self) -> NextAction:
        ordinary = self._doubt.since is None and not any(map(self._limiter.away, Method))
        ready = self.reader.leading if ordinary else self.reader.ready
        return choose_next(self._lane, ready, self._clock.now(), self._ownership, self._limiter)

    @property
    def _ownership(self) -> Ownership:
        return Ownership(self.lease.since, self.lease.token, self._doubt.since, self._last_id)

    async def _keep_lease(self) -> None:
        if self.lease.expires - self._clock.monotonic() > 1.5 * self._call_seconds:
            return
        renewed = await self._lanes.lease(self._lane, self.lease)
        if renewed is None:
            raise LeaseLostError(f"the lease of {self._lane.name} is another's now")
        self.lease = renewed

    def _check_right(self) -> None:
        """Only the active sender calls the service: its limits are the workspace's, and one bot counts the calls."""
        if not self._right.is_leader:
            raise LeaseLostError("this bot is not the active sender now")

    # --- actions ---------------------------------------------------------------------------------------------------

    async def _work(self, pending: PendingDelivery) -> bool:
        """Sends the message, or drops it if the receiver already has it. False: the receiver was suspended."""
        settlement: Settlement = Drop("there is nothing new to show")
        if pending.worth_sending:
            self._limiter.reserve(
                self._lane.receiver, pending.method
            )  # before the first await, so that the next caller sees it
            sending = await self._record_sending(pending)
            if (seconds := self._limiter.blocked_for(self._lane.receiver, pending.method)) > 0:
                settlement = self._postpone(pending.delivery, seconds)
            else:
                pending = replace(pending, delivery=sending)
                settlement = await self._send(pending)
        await self._settle(settlement, pending)
        if isinstance(settlement, Again | Suspend):
            self.reader.expire()
        else:
            self.reader.drop(pending)
            self._changed = True  # other rows may have waited for this one, and it may have a follow-up
        return not isinstance(settlement, Suspend)

    async def _record_sending(self, pending: PendingDelivery) -> Delivery:
        """Writes `sending` before the call: a worker that finds it later looks the message up before it resends.

        The last access to the store before the call: a slow one would move the call past the end of the lease.
        """
        sending = as_sending(pending.delivery, self._clock.now(), self._ownership, pending.parent_id)
        if not await self._outbox.write(sending, self.lease):
            raise LeaseLostError(f"{sending.id} could not be claimed")
        self._check_right()
        if self.lease.expires - self._clock.monotonic() < self._call_seconds:
            raise LeaseLostError(f"too little is left of the lease of {self._lane.name}")
        return sending

    def _postpone(self, delivery: Delivery, seconds: float) -> Again:
        """Restores the row from before `_record_sending`, since the call was not made."""
        return Again(
            delivery.with_attempt(replace(delivery.attempt, not_before=self._clock.now() + timedelta(seconds=seconds)))
        )

    async def _send(self, pending: PendingDelivery) -> Settlement:
        self._limiter.record_send(self._lane.receiver, pending.method)
        outcome = await self._call(pending)
        self._limiter.faults.record(pending.delivery, outcome)
        match outcome:
            case Refused(kind=RefusalKind.RATE_LIMITED, retry_after=wait):
                await self._throttle(pending.method, wait or timedelta(seconds=1))
            case Unknown() | Refused(kind=RefusalKind.NOT_SENT | RefusalKind.WORKSPACE):
                self._limiter.record_no_answer(pending.method)
            case Posted() | Refused():
                self._limiter.record_answer(pending.method)
        if isinstance(outcome, Posted) and not pending.updates:
            self._last_id = max(self._last_id, outcome.message_id)
        return after_send(pending.delivery, outcome, self._clock.now())

    async def _throttle(self, method: Method, wait: timedelta) -> None:
        """Stores the throttle as well: the bot obeys it after a restart too."""
        self._limiter.throttle(method, wait.total_seconds())
        await self._rate_limits.save_throttle(self._lane.receiver.kind, method, self._clock.now() + wait)

    async def _call(self, pending: PendingDelivery) -> Outcome:
        now = self._clock.now()
        if pending.updates and pending.message_id is not None:  # an update is never late, so it shows no delay
            return await self._chat.update(
                replace(pending.delivery, message=replace(pending.delivery.message, made_at=now)),
                pending.content,
                message_id=pending.message_id,
                now=now,
            )
        delivery = pending.delivery.with_attempt(
            replace(pending.delivery.attempt, delay=pending.delivery.attempt.delay or self._delay(pending, now))
        )
        return await self._chat.post(delivery, pending.content, parent_id=pending.parent_id, now=now)

    def _delay(self, pending: PendingDelivery, now: datetime) -> Delay | None:
        """Why the first attempt comes late."""
        if self._resumed_at and pending.delivery.message.made_at < self._resumed_at:
            return Delay.SUSPENDED
        if pending.delivery.message.made_at < self._doubt.began_at:
            return Delay.AWAY
        return self._limiter.cause_of_delay(pending.method, (now - pending.delivery.message.made_at).total_seconds())

    async def _look_up(self, deliveries: Sequence[PendingDelivery]) -> None:
        self.reader.expire()
        for pending, lookup_result in zip(deliveries, await self._find(deliveries), strict=True):
            if isinstance(pending.delivery.body, Recheck):
                settlement = after_recheck(pending.delivery, lookup_result, self._clock.now())
            else:
                settlement = after_lookup(pending.delivery, lookup_result, self._clock.now(), self._ownership)
            await self._settle(settlement, pending)

    async def _find(self, deliveries: Sequence[PendingDelivery]) -> Sequence[LookupResult]:
        """Looks up these deliveries in one read of their conversation or thread."""
        if self._limiter.ranked_wait(self._lane, Method.HISTORY, self._limiter.rank(deliveries[0].delivery)) > 0:
            lost = self._limiter.unanswered(Method.HISTORY)
            return [Unreadable("the history cannot be read for now", lost=lost)] * len(deliveries)
        self._check_right()
        self._limiter.reserve(self._lane.receiver, Method.HISTORY)
        try:
            async with asyncio.timeout(self._call_seconds):
                results = await self._chat.find([pending.lookup for pending in deliveries])
        except TimeoutError:
            results = [Unreadable("the history took too long to read", lost=True)] * len(deliveries)
        match next((result for result in results if isinstance(result, Unreadable)), None):
            case Unreadable(retry_after=timedelta() as wait):
                await self._throttle(Method.HISTORY, wait)
            case Unreadable(lost=True):
                self._limiter.record_no_answer(Method.HISTORY)
            case _:
                self._limiter.record_answer(Method.HISTORY)
        return results

    # --- outcomes -------------------------------------------------------------------------------------------------

    async def _settle(self, settlement: Settlement, pending: PendingDelivery) -> None:
        """Stores what follows from a call or lookup: the delivery's progress, or its end.

        Raises:
            LeaseLostError: the lease ran out during the call.
        """
        delivery = pending.delivery
        if isinstance(settlement, Done) and not await self._delete_repeats(delivery, settlement.repeats):
            settlement = after_failed_delete(delivery, settlement, self._clock.now())
        if isinstance(settlement, Again | Suspend):
            lease_held = await self._outbox.write(settlement.delivery, self.lease)
        else:
            self._limiter.faults.forget(delivery)
            lease_held = await self._outbox.settle(
                delivery, self.lease, result_of(settlement, pending, self._clock.now())
            )
        report(settlement, pending, self._clock.now(), lease_held=lease_held)
        if not lease_held:
            await self._lease_ran_out(settlement, pending)
        if isinstance(settlement, Done):
            await end_calls(self._calls, pending, settlement.message_id, self._clock.now())
        if isinstance(settlement, Suspend):
            await self._suspender.suspend(delivery.receiver, settlement.reason)

    async def _delete_repeats(self, delivery: Delivery, repeats: Sequence[str]) -> bool:
        deleted = [await self._chat.delete(delivery.receiver, repeat) for repeat in repeats]
        if repeats:
            emit(
                DuplicatesFound(
                    delivery=delivery.id, channel=delivery.receiver.name, messages=repeats, deleted=sum(deleted)
                )
            )
        return all(deleted)

    async def _lease_ran_out(self, settlement: Settlement, pending: PendingDelivery) -> None:
        """Our lease ran out during the call. A new owner may have sent the same message, or a newer revision.

        Enqueues a redraw or a recheck: the next worker repairs either.
        """
        now = self._clock.now()
        if pending.updates:
            await self._outbox.enqueue([redraw_of(pending, now)], redrawn=tuple(pending.shown))
        elif isinstance(settlement, Done | Again) and pending.delivery.attempt.state is AttemptState.SENDING:
            await self._outbox.enqueue([recheck_of(pending, now)])
        raise LeaseLostError(f"the lease of {self._lane.name} ran out during a call")
