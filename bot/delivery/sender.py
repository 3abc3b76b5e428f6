"""Takes every delivery of the outbox to a known outcome: one lane a channel, one message at a time in each."""

import asyncio
from dataclasses import dataclass, replace

import structlog

from bot.delivery.pace import Method, Pace
from bot.domain.card import Content, Notice, NoticeKind, SyncCard
from bot.domain.delivery import (
    Again,
    Delivery,
    Done,
    Drop,
    Outcome,
    Park,
    Priority,
    Refusal,
    Refused,
    Seen,
    Settlement,
    State,
    Wait,
    after_look,
    after_send,
    decide,
    in_order,
)
from bot.domain.episode import digest
from bot.domain.watch import ChannelId, ParkReason
from bot.ports import Chat, Clock, Lease, Outbox, PostedCard, Store, StoreAway

CALL_SECONDS = 6.0  # a call to Slack, at its longest; a lease must have more than this left
LOOK_AROUND_SECONDS = 0.5
LOST_STORE_SECONDS = 1.0
TRIPPED_SECONDS = 5.0

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Another sender owns the channel now: whatever was under way, it will look for."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One delivery with what it needs: its card, where it belongs to one."""

    delivery: Delivery
    card: PostedCard | None

    @property
    def updates(self) -> bool:
        return isinstance(self.delivery.body, SyncCard) and self.card is not None and self.card.ts is not None

    @property
    def method(self) -> Method:
        if self.delivery.state is State.SENDING and not self.updates:
            return Method.HISTORY
        return Method.UPDATE if self.updates else Method.POST

    @property
    def content(self) -> Content:
        if isinstance(self.delivery.body, SyncCard):
            assert self.card is not None  # noqa: S101 (jobs for cards that are not kept are never made)
            return self.card.content
        return self.delivery.body

    @property
    def thread_ts(self) -> str | None:
        return None if isinstance(self.delivery.body, SyncCard) or self.card is None else self.card.ts


class Sender:
    """`wake` is rung when there may be something new; without it the outbox is looked at twice a second."""

    def __init__(self, *, outbox: Outbox, store: Store, chat: Chat, clock: Clock, wake: asyncio.Event) -> None:
        self._outbox = outbox
        self._store = store
        self._chat = chat
        self._clock = clock
        self._wake = wake
        self._pace = Pace(clock)
        self._busy: set[ChannelId] = set()
        self._stopping = False

    def stop(self) -> None:
        """No new message is begun; `run` returns when those under way have come to their end."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as lanes:
            while not self._stopping:
                try:
                    waiting = set(await self._outbox.channels_with_work()) - self._busy
                except StoreAway as exc:
                    log.warning("store_away", room="delivery", problem=str(exc))
                    await self._clock.sleep(LOST_STORE_SECONDS)
                    continue
                for channel in sorted(waiting):
                    self._busy.add(channel)
                    lanes.create_task(self._lane(channel), name=f"lane {channel}")
                await self._rest(LOOK_AROUND_SECONDS)

    async def _rest(self, seconds: float) -> None:
        self._wake.clear()
        nap = asyncio.ensure_future(self._clock.sleep(seconds))
        rung = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({nap, rung}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            rung.cancel()

    async def _lane(self, channel: ChannelId) -> None:
        """Supervises one channel: whatever goes wrong here stops no other channel."""
        try:
            lease = await self._outbox.lease(channel)
            if lease is not None:
                await self._drain(lease)
        except (StoreAway, LeaseLostError) as exc:
            log.warning("lane_interrupted", channel=channel, problem=str(exc))
            await self._clock.sleep(LOST_STORE_SECONDS)
        except Exception:
            log.exception("lane_tripped", channel=channel)
            await self._clock.sleep(TRIPPED_SECONDS)
        finally:
            self._busy.discard(channel)

    async def _drain(self, lease: Lease) -> None:
        while not self._stopping:
            jobs = await self._jobs(lease.channel)
            if jobs is None:
                break
            job, seconds = self._pick(jobs)
            if job is None:
                await self._rest(min(seconds, LOOK_AROUND_SECONDS))
            lease = await self._kept(lease)
            if job is not None and not await self._work(job, lease):
                break
        await self._outbox.release(lease)

    async def _jobs(self, channel: ChannelId) -> list[_Job] | None:
        rows = await self._outbox.deliveries(channel)
        if not rows:
            return None
        keys = {row.id: row.body.card_key for row in rows if not isinstance(row.body, Notice)}
        cards = await self._outbox.cards(sorted(set(keys.values())))
        there = {key: card.ts is not None for key, card in cards.items()}
        return [_Job(row, cards.get(keys.get(row.id, ""))) for row in in_order(rows, there)]

    def _pick(self, jobs: list[_Job]) -> tuple[_Job | None, float]:
        """The first job that may be done now; else None, and the seconds until one may."""
        seconds = LOOK_AROUND_SECONDS
        now = self._clock.now()
        for job in jobs:
            step = decide(job.delivery, now, idempotent=job.updates)
            if isinstance(step, Wait):
                seconds = min(seconds, (step.until - now).total_seconds())
                continue
            pause = self._pace.wait(job.delivery.channel, job.method, job.delivery.priority)
            if pause <= 0:
                return job, 0.0
            seconds = min(seconds, pause)
        return None, seconds

    async def _kept(self, lease: Lease) -> Lease:
        if lease.expires - self._clock.monotonic() > 2 * CALL_SECONDS:
            return lease
        kept = await self._outbox.lease(lease.channel, lease)
        if kept is None:
            raise LeaseLostError(f"the lease of {lease.channel} is another's now")
        return kept

    async def _work(self, job: _Job, lease: Lease) -> bool:
        """False when the channel is not to be written to for now."""
        if isinstance(job.delivery.body, SyncCard) and not _worth_sending(job.card):
            await self._settle(Drop("nothing new to show"), job, lease)
            return True
        self._pace.took(job.delivery.channel, job.method)
        if job.method is Method.HISTORY:
            settlement = await self._look(job)
        else:
            job = replace(job, delivery=await self._claimed(job.delivery, lease))
            settlement = await self._send(job)
        await self._settle(settlement, job, lease)
        return not isinstance(settlement, Park)

    async def _claimed(self, delivery: Delivery, lease: Lease) -> Delivery:
        """Recorded as given before the call: whoever finds it so later looks before sending again."""
        given = replace(
            delivery, state=State.SENDING, attempts=delivery.attempts + 1, sent_at=self._clock.now(), looks=0
        )
        if not await self._outbox.claim(given, lease):
            raise LeaseLostError(f"{given.id} could not be claimed")
        if lease.expires - self._clock.monotonic() < CALL_SECONDS:
            raise LeaseLostError(f"too little is left of the lease of {lease.channel}")
        return given

    async def _send(self, job: _Job) -> Settlement:
        outcome = await self._call(job)
        if isinstance(outcome, Refused) and outcome.kind is Refusal.RATE_LIMITED:
            method = Method.UPDATE if job.updates else Method.POST
            self._pace.hold(method, outcome.retry_after.total_seconds() if outcome.retry_after else 1.0)
        return after_send(job.delivery, outcome, self._clock.now())

    async def _call(self, job: _Job) -> Outcome:
        now = self._clock.now()
        if job.updates and job.card is not None and job.card.ts is not None:
            return await self._chat.update(job.delivery, job.content, ts=job.card.ts, now=now)
        return await self._chat.post(job.delivery, job.content, thread_ts=job.thread_ts, now=now)

    async def _look(self, job: _Job) -> Settlement:
        sighting = await self._chat.find(job.delivery, thread_ts=job.thread_ts)
        if isinstance(sighting, Seen):
            for repeat in sighting.ts[1:]:
                log.warning("repeat_deleted", delivery=job.delivery.id, channel=job.delivery.channel, ts=repeat)
                await self._chat.delete(job.delivery.channel, repeat)
        return after_look(job.delivery, sighting, self._clock.now())

    async def _settle(self, settlement: Settlement, job: _Job, lease: Lease) -> None:
        delivery, revision = job.delivery, job.card.revision if job.card else 0
        if isinstance(settlement, Done):
            shown = 0 if settlement.found else revision  # what was found is drawn once more, to be sure
            kept = await self._outbox.done(delivery, lease, ts=settlement.ts, revision=shown)
        elif isinstance(settlement, Drop):
            removed = job.updates and _worth_sending(job.card)
            kept = await self._outbox.drop(delivery, lease, card_removed=removed, revision=revision)
        else:
            kept = await self._outbox.put_back(settlement.delivery, lease)
        if isinstance(settlement, Park):
            await self._park(delivery.channel, settlement.reason)
        log.info("delivery", id=delivery.id, channel=delivery.channel, outcome=_words(settlement), kept=kept)

    async def _park(self, channel: ChannelId, reason: ParkReason) -> None:
        """Tells those who made the channel's watches, by direct message, that it rests and how to wake it."""
        watches = (await self._store.watches()).of(channel)
        told = []
        for maker in dict.fromkeys(watch.made_by for watch in watches):
            conversation = await self._chat.direct(maker)
            if conversation is None:
                continue
            theirs = tuple(watch for watch in watches if watch.made_by == maker)
            at = self._clock.now()
            notice = Notice(kind=NoticeKind.PARKED, at=at, watches=theirs, channel=channel, reason=reason)
            key = digest(self._store.team, channel, maker, reason, at.isoformat())
            told.append(Delivery(id=key, channel=conversation, priority=Priority.FAILURE, body=notice, made_at=at))
        if await self._outbox.park(channel, reason, told):
            log.warning("channel_parked", channel=channel, reason=reason.value, told=len(told))
        self._wake.set()


def _worth_sending(card: PostedCard | None) -> bool:
    """A card that a person deleted is not posted again until there is something new."""
    return card is not None and card.revision > card.delivered_revision


def _words(settlement: Settlement) -> str:
    match settlement:
        case Done():
            return "posted"
        case Again(delivery):
            return f"again: {delivery.state.value}"
        case Park(_, reason):
            return f"parked: {reason.value}"
        case Drop(reason):
            return f"dropped: {reason}"
