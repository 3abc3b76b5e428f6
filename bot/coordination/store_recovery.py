"""Restores the store after it lost writes: a rollback, another Redis, lost keys, or an emptied Redis."""

from datetime import datetime

from bot.coordination.leadership import Leadership
from bot.coordination.notices import Notices
from bot.domain.delivery import Message
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId
from bot.ports.clock import Clock
from bot.ports.conversations import Memberships
from bot.ports.doubt import DeliveryDoubt
from bot.ports.heartbeat_store import HeartbeatStore, LastHeartbeat
from bot.ports.outbox import Outbox
from bot.ports.polling import Polling
from bot.ports.telemetry import emit
from bot.ports.telemetry.store import (
    AnotherRedis,
    NotesLost,
    SetupLost,
    StoreEmpty,
    StoreIncomplete,
    StoreRestarted,
    WatchesLost,
)
from bot.state.known_state import KnownState, LostRows
from bot.state.repository import Repository


class StoreRecovery:
    """Every bot finds a loss and restores what it knows. Only the leader reports it.

    `embedded`: the store stops with the bot, so each start finds another run id.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        store: HeartbeatStore,
        outbox: Outbox,
        polling: Polling,
        leadership: Leadership,
        clock: Clock,
        notices: Notices,
        doubt: DeliveryDoubt,
        memberships: Memberships,
        embedded: bool = False,
    ) -> None:
        self._repository = repository
        self._store = store
        self._outbox = outbox
        self._polling = polling
        self._leadership = leadership
        self._clock = clock
        self._notices = notices
        self._doubt = doubt
        self._memberships = memberships
        self._embedded = embedded
        self._run_id: str | None = None
        self._loss: tuple[datetime, KnownState] | None = None
        """When the store lost writes, and what this process knew then. None: no recovery is under way."""
        self._recovered = False
        """True once this process has recovered from a loss, and reported it."""

    async def resume(self) -> None:
        """Completes an interrupted recovery."""
        if self._loss:
            await self.recover()

    async def recover(self) -> bool:
        """Restores what this process knows, and puts all open deliveries in doubt. True if rows
        that only people restore are lost.

        An emptied Redis has no deliveries to doubt. Then open failures get new cards.

        Raises:
            StoreAway: `resume` completes the recovery.
        """
        now = self._clock.now()
        emptied = (await self._store.last_heartbeat()).last_at is None
        if not emptied:
            self._doubt.begin(now)
        at, known = self._loss = self._loss or (now, self._repository.known)
        await self._store.accept_loss(None if emptied else now)
        lost = await self._repository.restore(known, emptied=emptied)
        epoch = await self._store.next_epoch(above=self._polling.epoch)
        self._polling.take_over(epoch, late=self._polling.lateness() is not None)
        if lost:
            await self._report(lost, at)
        self._loss = None
        self._recovered = True
        return bool(lost)

    async def _report(self, lost: LostRows, at: datetime) -> None:
        if lost.watches:
            emit(WatchesLost(watches=[f"{watch.channel} {watch.reference}" for watch in lost.watches]))
        if lost.notes:
            emit(NotesLost(notes=[f"{note.kind} {note.reference}" for note in lost.notes]))
        if lost.setup:
            emit(SetupLost(rows=[f"{row.kind} {row.label}" for row in lost.setup]))
        if self._leadership.is_leader:
            channels = dict.fromkeys(watch.channel for watch in lost.watches)
            notice = Notice(
                kind=NoticeKind.ROLLED_BACK,
                at=at,
                watches=lost.watches,
                notes=lost.notes,
                setup=tuple(f"{row.kind.replace('_', ' ')} {row.label}: {row.summary}" for row in lost.setup),
            )
            await self._outbox.enqueue(self._notices.messages(notice, tuple(channels)))

    async def check_server(self, last: LastHeartbeat) -> None:
        """Detects a restarted or another Redis, which may lack the last writes."""
        if last.doubt_since:
            self._doubt.begin(last.doubt_since)
        first = self._run_id is None
        before = last.last_run_id if self._run_id is None else self._run_id
        self._run_id = last.run_id
        if before and before != last.run_id:
            if first and self._embedded:
                emit(StoreRestarted(before=before, now=last.run_id))
            else:
                emit(AnotherRedis(before=before, now=last.run_id))
            await self.recover()

    async def check_keys(self) -> None:
        """Detects keys that the same server evicted or deleted. The leader restores them."""
        cards = self._repository.open_cards
        keys, missing = await self._store.lost_keys(tuple(cards), self._repository.watches.suspended)
        if not keys:
            return
        emit(StoreIncomplete(keys=keys))
        reported = await self.recover()
        await self._repository.redraw(cards[key] for key in missing)
        if self._notices.operator and not reported:
            notice = Notice(kind=NoticeKind.INCOMPLETE, at=self._clock.now(), keys=keys)
            await self._outbox.enqueue(self._notices.messages(notice))

    async def check_emptied(self, now: datetime) -> list[Message]:
        """Runs where the store has no heartbeat. If the bot is in channels already, Redis may have been emptied.
        Returns the notices about it.

        Raises:
            ChatAway: the bot can't list its channels now.
        """
        channels = await self._forgotten_channels()
        if not channels:
            return []
        emit(StoreEmpty(channels=channels))
        await self._store.accept_loss(None)
        return self._notices.messages(Notice(kind=NoticeKind.EMPTY, at=now, channels=channels), channels)

    async def _forgotten_channels(self) -> tuple[ChannelId, ...]:
        operator = self._notices.operator
        if operator is None or self._recovered or self._repository.watches.channels:
            return ()
        return tuple(channel for channel in await self._memberships.memberships() if channel != operator)
