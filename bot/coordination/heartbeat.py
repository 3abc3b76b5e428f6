"""The bot's heartbeat: acquires leadership, starts recovery, and reports times when no bot polled."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

from bot.coordination.leadership import Leadership
from bot.coordination.notices import Notices
from bot.coordination.store_recovery import StoreRecovery
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Message
from bot.domain.episode import Episode
from bot.domain.notice import Notice, NoticeKind
from bot.domain.summary import DigestEntry
from bot.domain.watch import ChannelId
from bot.ports.chat import ChatAway
from bot.ports.clock import Clock
from bot.ports.conversations import Memberships
from bot.ports.doubt import DeliveryDoubt
from bot.ports.heartbeat_store import HeartbeatStore, LastHeartbeat
from bot.ports.outbox import Outbox
from bot.ports.polling import Lateness, Polling
from bot.ports.store_errors import StoreRolledBack
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import PollingStarted, WasBlind
from bot.ports.telemetry.slack import SlackAway
from bot.ports.telemetry.store import RollbackFound
from bot.state.repository import Repository

ASKED_AT_ONCE = 1000  # pipelines in one step of the event loop
REREAD_SECONDS = 120.0  # the bot reads all pipelines again before it reports what it missed


class Heartbeat:
    """Coordinates the bots of one workspace: decides who polls, notices lost data, and reports gaps in the polling.

    `beat` runs every few seconds. A time in which no bot polled is reported if it exceeds `blind_after`. `is_listing`:
    this bot's first listing goes on.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        store: HeartbeatStore,
        polling: Polling,
        leadership: Leadership,
        clock: Clock,
        recovery: StoreRecovery,
        notices: Notices,
        blind_after: timedelta,
        is_listing: Callable[[], bool],
    ) -> None:
        self._repository = repository
        self._store = store
        self._polling = polling
        self._leadership = leadership
        self._clock = clock
        self._recovery = recovery
        self._notices = notices
        self._blind_after = blind_after
        self.last_at: datetime | None = None
        """The last heartbeat of any bot, as this one knows it."""
        self.read_since: datetime | None = None
        """Since then, the bot with that heartbeat has read all closely watched pipelines."""
        self.still_listing = False
        """The bot with that heartbeat had not ended its first listing."""
        self._is_listing = is_listing
        self._inherited: datetime | None = None
        """While this bot takes over: `read_since` of the leader before. It still holds, since nothing was read yet."""
        self._took_over = False
        """True once this leader has taken over from the leader before it."""
        self._rereading_since: float | None = None
        """When this bot began to read all pipelines again, before it reports a gap. In monotonic seconds."""

    @classmethod
    def build(
        cls,
        *,
        repository: Repository,
        store: HeartbeatStore,
        outbox: Outbox,
        polling: Polling,
        leadership: Leadership,
        clock: Clock,
        doubt: DeliveryDoubt,
        memberships: Memberships,
        blind_after: timedelta,
        operator: ChannelId | None = None,
        embedded: bool = False,
        is_listing: Callable[[], bool] = lambda: False,
    ) -> Self:
        notices = Notices(repository=repository, operator=operator)
        recovery = StoreRecovery(
            repository=repository,
            store=store,
            outbox=outbox,
            polling=polling,
            leadership=leadership,
            clock=clock,
            notices=notices,
            doubt=doubt,
            memberships=memberships,
            embedded=embedded,
        )
        return cls(
            repository=repository,
            store=store,
            polling=polling,
            leadership=leadership,
            clock=clock,
            recovery=recovery,
            notices=notices,
            blind_after=blind_after,
            is_listing=is_listing,
        )

    async def beat(self) -> None:
        """Checks leadership and store, and records that this bot lives.

        Raises:
            StoreAway: the next beat tries again.
        """
        try:
            await self._beat()
        except StoreRolledBack:
            emit(RollbackFound(watches=sum(1 for _ in self._repository.watches)))
            await self._recovery.recover()

    async def _beat(self) -> None:
        self._inherited = None
        if await self._leadership.acquire():
            self._took_over, self._rereading_since = False, None
        await self._recovery.resume()
        last = await self._store.last_heartbeat()
        self.last_at, self.read_since, self.still_listing = last.last_at, last.read_since, last.still_listing
        await self._recovery.check_server(last)
        await self._repository.catch_up()  # the leader too: another bot may have ended and renewed a watch
        if not self._leadership.is_leader:
            return
        await self._recovery.check_keys()
        if not self._took_over:
            await self._lead(last)
        await self._report_read_gap(last)

    async def _lead(self, last: LastHeartbeat) -> None:
        """Loads nothing: since it acquired the lease, this beat has caught up with what the leader before wrote."""
        if last.read_since:
            self._repository.count_as_read(last.read_since)
            self._inherited = last.read_since
        epoch = await self._store.next_epoch(above=self._repository.latest_epoch)
        self._polling.take_over(epoch, late=last.late_promise is not None)
        self._took_over = True
        emit(PollingStarted(pipelines=len(self._repository.pollable)))

    async def _report_read_gap(self, last: LastHeartbeat) -> None:
        """Records no heartbeat until the report is written: if this bot stops before, the next one reports."""
        now = self._clock.now()
        if last.last_at is None:
            await self._record_first(last, now)
            return
        if now - last.last_at <= self._blind_after:
            lateness = self._polling.lateness() if self._notices.operator else None
            judged = replace(last, late_promise=lateness.promised if lateness else None)
            await self._record(judged, now, self._lateness_notices(last.late_promise, lateness, now))
            self._rereading_since = None
            return
        if self._rereading_since is None:
            self._rereading_since = self._clock.monotonic()
            emit(WasBlind(since=last.last_at, seconds=(now - last.last_at).total_seconds()))
        unread = self._polling.unread_since(self._rereading_since)
        if unread and self._clock.monotonic() - self._rereading_since < REREAD_SECONDS:
            return
        self._rereading_since = None
        missed = await self._missed_since(last.last_at)
        notice = Notice(kind=NoticeKind.BLIND, at=now, since=last.last_at, missed=missed, unread=len(unread))
        channels = tuple(self._repository.watches.channels)
        await self._record(last, now, self._notices.messages(notice, channels, unread), reports_gap=True)

    def _lateness_notices(self, before: float | None, lateness: Lateness | None, now: datetime) -> list[Message]:
        """Tells the operator once that the bot can't keep its promise, and once that it can again.

        `before`: the promised age that the operator was told is not kept, by this leader or an earlier one.
        """
        if self._notices.operator is None or (lateness is None) == (before is None):
            return []
        if lateness is None:
            notice = Notice(kind=NoticeKind.FRESH, at=now, promised=before or 0.0)
        else:
            notice = Notice(kind=NoticeKind.LATE, at=now, promised=lateness.promised, oldest=lateness.oldest)
        return self._notices.messages(notice)

    async def _record_first(self, last: LastHeartbeat, now: datetime) -> None:
        try:
            notices = await self._recovery.check_emptied(now)
        except ChatAway as exc:
            emit(SlackAway(problem=str(exc)))
        else:
            await self._record(last, now, notices)

    async def _record(
        self, last: LastHeartbeat, now: datetime, notices: Sequence[Message] = (), *, reports_gap: bool = False
    ) -> None:
        read_since = self._inherited or await self._repository.find_all_read_since()
        await self._store.record_heartbeat(
            now,
            last.run_id,
            notices,
            read_since=read_since,
            late_promise=last.late_promise,
            reports_gap=reports_gap,
            still_listing=self._is_listing(),
        )
        self.last_at, self.read_since = now, read_since

    async def _missed_since(self, moment: datetime) -> tuple[DigestEntry, ...]:
        """Asks for every watched pipeline, so it leaves the event loop its turns."""
        missed: list[DigestEntry] = []
        for number, pipeline_id in enumerate(sorted(self._repository.watched), start=1):
            if episode := self._repository.episode(pipeline_id):
                entry = missed_since(episode, self._repository.pipeline(pipeline_id), moment)
                missed += [entry] if entry else []
            if number % ASKED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return tuple(missed)


def missed_since(episode: Episode, pipeline: Pipeline, moment: datetime) -> DigestEntry | None:
    """One line about what the pipeline went through after `moment`; None if nothing changed."""
    entries = [entry for entry in episode.timeline if entry.at > moment and entry.by is None]
    if not entries:
        return None
    counts = Counter(event for entry in entries for event in entry.events)
    return DigestEntry(pipeline=pipeline, counts=counts, since=entries[0].at, until=entries[-1].at, last=entries[-1])
