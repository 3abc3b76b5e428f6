"""Watches over the watching itself: whose turn it is, whether the store still has what it was given, and for how long
nobody looked."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.coordination.leadership import Leadership
from bot.domain.card import DigestEntry, Notice, NoticeKind
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.observation import PipelineId
from bot.domain.plan import Record
from bot.domain.watch import ChannelId
from bot.monitoring.poller import Poller
from bot.ports.chat import ChatAway
from bot.ports.clock import Clock
from bot.ports.heartbeat_store import HeartbeatStore, LastHeartbeat
from bot.ports.outbox import Outbox
from bot.ports.store_errors import StoreRolledBack
from bot.state.known_pipelines import KnownState
from bot.state.repository import Repository

Memberships = Callable[[], Awaitable[tuple[ChannelId, ...]]]

REREAD_SECONDS = 120.0  # so long all pipelines are given to be read again, before it is told what was missed

log = structlog.get_logger(__name__)


class Heartbeat:
    """`look` is called every few seconds. `operator` is told what concerns the whole bot; where there is none, every
    channel that watches is. Of its own watches that are gone a channel is told in any case. `in_doubt` is called with
    when the store was found to have forgotten, by whichever bot.

    `blind_after`: a longer time in which nothing was read is told. `memberships` answers in which channels the bot is,
    or raises `ChatAway`. `embedded`: the store stops with the bot, so each start finds
    another run id.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        store: HeartbeatStore,
        outbox: Outbox,
        poller: Poller,
        turn: Leadership,
        clock: Clock,
        blind_after: timedelta,
        operator: ChannelId | None,
        in_doubt: Callable[[datetime], None],
        memberships: Memberships,
        embedded: bool = False,
    ) -> None:
        self._repository = repository
        self._store = store
        self._outbox = outbox
        self._poller = poller
        self._leadership = turn
        self._clock = clock
        self._blind_after = blind_after
        self._operator = operator
        self._in_doubt = in_doubt
        self._memberships = memberships
        self._embedded = embedded
        self._run_id: str | None = None
        self._begun = False
        """Whether this turn to read has been begun: by a bot that knows what was read before."""
        self._loss: tuple[datetime, KnownState] | None = None
        """What was known when the store forgot, until it has been dealt with to the end."""
        self._recovered = False
        """That the store forgot was found while this process ran, and has been told."""
        self._looked_again_at: float | None = None

    async def look(self) -> None:
        """
        Raises:
            StoreAway: it is looked again in a few seconds.
        """
        try:
            await self._look()
        except StoreRolledBack:
            log.warning("store_rolled_back", watches=len(self._repository.watches.all))
            await self._recover()

    async def catch_up(self) -> None:
        """Takes in what another bot has written a moment ago: a click is judged by what is so now.

        Raises:
            StoreAway: what is known may be old.
        """
        await self._repository.catch_up()

    async def _look(self) -> None:
        if await self._leadership.keep():
            self._begun, self._looked_again_at = False, None
        if self._loss:
            await self._recover()
        beat = await self._store.last_heartbeat()
        if beat.doubt_since:
            self._in_doubt(beat.doubt_since)
        await self._notice_another_redis(beat)
        await self.catch_up()  # whoever reads, too: what is taken away and watched again through another begins anew
        if not self._leadership.ours:
            return
        await self._notice_lost_keys()
        if not self._begun:
            await self._repository.load(beat.read_since)
            epochs = (record.state.sequence.epoch for record in self._repository.records)
            self._poller.take_over(await self._store.next_epoch(above=max(epochs, default=0)))
            self._begun = True
            log.info("reading", pipelines=len(self._repository.pollable))
        await self._notice_blindness(beat)

    # --- a store that forgot -----------------------------------------------------------------------------------------

    async def _notice_another_redis(self, beat: LastHeartbeat) -> None:
        """Redis was started anew, or another one answers: what was written last may not be there."""
        first = self._run_id is None
        before = beat.last_run_id if self._run_id is None else self._run_id
        self._run_id = beat.run_id
        if before and before != beat.run_id:
            if first and self._embedded:
                log.info("store_restarted", before=before, now=beat.run_id)
            else:
                log.warning("another_redis", before=before, now=beat.run_id)
            await self._recover()

    async def _notice_lost_keys(self) -> None:
        """The same server has lost single keys, evicted or deleted: the bot that polls restores them."""
        cards = self._repository.open_cards
        keys, missing = await self._store.lost_keys(tuple(cards), self._repository.watches.suspended)
        if not keys:
            return
        log.error("store_incomplete", keys=keys)
        await self._recover()
        await self._repository.redraw(cards[key] for key in missing)
        if self._operator:
            await self._outbox.enqueue(
                self._told(Notice(kind=NoticeKind.INCOMPLETE, at=self._clock.now(), keys=keys), ())
            )

    async def _recover(self) -> None:
        """Everything open is looked for before it is sent; what this process knows better is written again."""
        now = self._clock.now()
        self._in_doubt(now)
        at, known = self._loss = self._loss or (now, self._repository.known)
        await self._store.accept_loss(now)
        lost = await self._repository.restore(known)
        self._poller.take_over(await self._store.next_epoch(above=self._poller.epoch))
        if lost:
            log.error("watches_lost", watches=[f"{watch.channel} {watch.reference}" for watch in lost])
            channels = dict.fromkeys(watch.channel for watch in lost)
            if self._leadership.ours:  # every bot finds it out; whoever reads tells it
                notice = Notice(kind=NoticeKind.ROLLED_BACK, at=at, watches=lost)
                await self._outbox.enqueue(self._told(notice, tuple(channels)))
        self._loss = None
        self._recovered = True

    async def _first_sign(self) -> None:
        """The store knows of no bot before us. Where we are in channels all the same it may have been emptied: that is
        told, and whatever is to be sent there is looked for first."""
        now = self._clock.now()
        try:
            channels = await self._channels_forgotten()
        except ChatAway as exc:
            log.warning("slack_away", problem=str(exc))
            return
        if not channels:
            await self._give_sign(now)
            return
        log.warning("store_empty", channels=channels)
        self._in_doubt(now)
        await self._store.accept_loss(now)
        notice = Notice(kind=NoticeKind.EMPTY, at=now, channels=channels)
        await self._give_sign(now, self._told(notice, channels))

    async def _channels_forgotten(self) -> tuple[ChannelId, ...]:
        """
        Raises:
            ChatAway: it cannot be known now.
        """
        if self._operator is None or self._recovered or self._repository.watches.all:
            return ()
        return tuple(each for each in await self._memberships() if each != self._operator)

    # --- a time in which nobody looked -------------------------------------------------------------------------------

    async def _notice_blindness(self, beat: LastHeartbeat) -> None:
        """While it has not been told, no sign of life is given: whoever comes after us tells it."""
        if beat.last_at is None:
            await self._first_sign()
            return
        now = self._clock.now()
        if now - beat.last_at <= self._blind_after:
            await self._give_sign(now)
            self._looked_again_at = None
            return
        if self._looked_again_at is None:
            self._looked_again_at = self._clock.monotonic()
            log.warning("was_blind", since=beat.last_at.isoformat(), seconds=(now - beat.last_at).total_seconds())
        unread = self._poller.unread_since(self._looked_again_at)
        if unread and self._clock.monotonic() - self._looked_again_at < REREAD_SECONDS:
            return
        self._looked_again_at = None
        missed = self._missed_since(beat.last_at)
        notice = Notice(kind=NoticeKind.BLIND, at=now, since=beat.last_at, missed=missed, unread=len(unread))
        channels = tuple(dict.fromkeys(watch.channel for watch in self._repository.watches.all))
        await self._give_sign(now, self._told(notice, channels, unread))

    async def _give_sign(self, now: datetime, told: Sequence[Message] = ()) -> None:
        await self._store.record_heartbeat(now, self._run_id or "", told, read_since=self._repository.all_read_since)

    def _missed_since(self, moment: datetime) -> tuple[DigestEntry, ...]:
        records = (self._repository.record(each) for each in sorted(self._repository.watched))
        missed = (missed_since(record, self._repository.pipeline(record.pipeline_id), moment) for record in records)
        return tuple(each for each in missed if each)

    def _told(
        self, notice: Notice, channels: tuple[ChannelId, ...], unread: Collection[PipelineId] = ()
    ) -> list[Message]:
        """To the operator all of it. To the channels that it concerns, each of what is its own, where there is no
        operator, or watches are gone there: what a private channel watches is no other channel's business."""
        at = (notice.since or notice.at).isoformat()
        lost = notice.kind is NoticeKind.ROLLED_BACK
        bodies = {each: self._own(each, notice, unread) for each in channels if lost or not self._operator}
        if self._operator:
            bodies[self._operator] = notice
        return [
            Message(
                id=stable_key(self._repository.team, notice.kind, channel, at),
                receiver=in_slack(channel),
                priority=Priority.FAILURE,
                body=body,
                made_at=notice.at,
            )
            for channel, body in bodies.items()
        ]

    def _own(self, channel: ChannelId, notice: Notice, unread: Collection[PipelineId]) -> Notice:
        heard = self._repository.covered_by(self._repository.watches.of(channel))
        return replace(
            notice,
            watches=tuple(watch for watch in notice.watches if watch.channel == channel),
            missed=tuple(each for each in notice.missed if each.pipeline.id in heard),
            unread=len(heard.intersection(unread)),
        )


def missed_since(record: Record, pipeline: Pipeline, moment: datetime) -> DigestEntry | None:
    """What the current episode tells of since then."""
    lines = [
        line for line in (record.episode.timeline if record.episode else ()) if line.at > moment and line.by is None
    ]
    if not lines:
        return None
    counts = Counter(event for line in lines for event in line.events)
    return DigestEntry(pipeline=pipeline, counts=counts, since=lines[0].at, until=lines[-1].at, last=lines[-1])
