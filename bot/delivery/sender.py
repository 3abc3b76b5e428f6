"""Takes every delivery of the outbox to a known outcome: one lane a channel, one message at a time in each."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import structlog

from bot.delivery.job import Job
from bot.delivery.pace import Method, Pace
from bot.domain.card import Notice, NoticeKind, PostedCard, StormLines, SyncCard, SyncStorm, ThreadLine
from bot.domain.delivery import (
    Again,
    Delivery,
    Done,
    Drop,
    Gone,
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
    story_of,
)
from bot.domain.episode import digest
from bot.domain.storm import gather
from bot.domain.watch import ChannelId, ParkReason
from bot.ports import Chat, Clock, Lease, Outbox, Store, StoreAway

CALL_SECONDS = 6.0  # a call to Slack, at its longest; a lease must have more than this left
LOOK_AROUND_SECONDS = 0.5
LOST_STORE_SECONDS = 1.0
TRIPPED_SECONDS = 5.0

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Another sender owns the channel now: whatever was under way, it will look for."""


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
            jobs = await self._jobs(lease)
            if jobs is None:
                break
            job, seconds = self._pick(jobs)
            if job is None:
                await self._rest(min(seconds, LOOK_AROUND_SECONDS))
            lease = await self._kept(lease)
            if job is not None and not await self._work(job, lease):
                break
        await self._outbox.release(lease)

    async def _jobs(self, lease: Lease) -> list[Job] | None:
        """What the channel is owed, most urgent first; many failures at once are gathered into one message."""
        while True:
            rows = await self._outbox.deliveries(lease.channel)
            if not rows:
                return None
            keys = {row.body.card_key for row in rows if isinstance(row.body, SyncCard | ThreadLine)}
            cards = await self._outbox.cards(sorted(keys))
            told = {row.body.storm_key for row in rows if isinstance(row.body, SyncStorm | StormLines)}
            storms = {key: await self._outbox.storm(key) for key in sorted(told)}
            gathering = gather(self._store.team, rows, cards, _unposted(storms))
            if gathering is None:
                break
            if not await self._outbox.gather(gathering, lease):
                raise LeaseLostError(f"the lease of {lease.channel} is another's now")
        jobs = {row.id: Job(row, _cards_of(row, cards, storms)) for row in rows}
        # A line whose card is kept no more waits for nothing: it is taken up, and dropped.
        there = {
            story: job.ts is not None or not job.cards
            for job in jobs.values()
            if (story := story_of(job.delivery.body))
        }
        return [jobs[row.id] for row in in_order(rows, there)]

    def _pick(self, jobs: list[Job]) -> tuple[Job | None, float]:
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

    async def _work(self, job: Job, lease: Lease) -> bool:
        """False when the channel is not to be written to for now."""
        if not job.worth_sending or (not job.cards and not isinstance(job.delivery.body, Notice)):
            await self._settle(Drop("there is nothing new to show"), job, lease)
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

    async def _send(self, job: Job) -> Settlement:
        outcome = await self._call(job)
        if isinstance(outcome, Refused) and outcome.kind is Refusal.RATE_LIMITED:
            method = Method.UPDATE if job.updates else Method.POST
            self._pace.hold(method, outcome.retry_after.total_seconds() if outcome.retry_after else 1.0)
        return after_send(job.delivery, outcome, self._clock.now())

    async def _call(self, job: Job) -> Outcome:
        now = self._clock.now()
        if job.updates and job.ts is not None:
            return await self._chat.update(job.delivery, job.content, ts=job.ts, now=now)
        return await self._chat.post(job.delivery, job.content, thread_ts=job.thread_ts, now=now)

    async def _look(self, job: Job) -> Settlement:
        sighting = await self._chat.find(job.delivery, thread_ts=job.thread_ts)
        if isinstance(sighting, Seen):
            for repeat in sighting.ts[1:]:
                log.warning("repeat_deleted", delivery=job.delivery.id, channel=job.delivery.channel, ts=repeat)
                await self._chat.delete(job.delivery.channel, repeat)
        return after_look(job.delivery, sighting, self._clock.now())

    async def _settle(self, settlement: Settlement, job: Job, lease: Lease) -> None:
        delivery = job.delivery
        if isinstance(settlement, Done):
            # What was found instead of posted may show an older revision: it is drawn once more, to be sure.
            shown = dict.fromkeys(job.shown, 0) if settlement.found else job.shown
            kept = await self._outbox.done(delivery, lease, ts=settlement.ts, shown=shown)
        elif isinstance(settlement, Gone):
            # A card that somebody deleted comes back with news, and this update was some; a line goes with its card.
            afresh = dict.fromkeys(job.shown, 0)
            kept = await self._outbox.drop(delivery, lease, shown=afresh, removed=job.updates)
        elif isinstance(settlement, Drop):
            kept = await self._outbox.drop(delivery, lease, shown=job.shown)
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


def _unposted(storms: Mapping[str, tuple[PostedCard, ...]]) -> dict[str, int]:
    """How many cards those storms have that nobody has seen yet."""
    unseen = {key: cards for key, cards in storms.items() if all(card.ts is None for card in cards)}
    return {key: len(cards) for key, cards in unseen.items()}


def _cards_of(
    row: Delivery, cards: Mapping[str, PostedCard], storms: Mapping[str, tuple[PostedCard, ...]]
) -> tuple[PostedCard, ...]:
    body = row.body
    if isinstance(body, SyncStorm | StormLines):
        return storms[body.storm_key]
    card = cards.get(body.card_key) if isinstance(body, SyncCard | ThreadLine) else None
    return (card,) if card else ()


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
        case Gone(reason):
            return f"gone: {reason}"
