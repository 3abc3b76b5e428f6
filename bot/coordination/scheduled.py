"""Keeps the scheduled messages in Slack as they should be. Only the active sender does."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.coordination.silence import DeadMansSwitch
from bot.domain.backup import ORPHAN, SILENCE, Reconciliation, ScheduledRow, Wanted, WantedMessage, reconcile
from bot.domain.delivery import LaneKind, Message
from bot.ports.clock import Clock
from bot.ports.lanes import Lanes
from bot.ports.leadership import LeadershipStatus
from bot.ports.scheduled_messages import NotScheduled, ScheduledMessages
from bot.ports.scheduled_store import ScheduledStore
from bot.ports.telemetry import emit
from bot.ports.telemetry.scheduled import MessageScheduled, OrphanFound, ScheduleRefused

CHECK_SECONDS = 5.0
MOST_CALLS = 3  # of each method in one check: 36 a minute, and Slack allows 50
LIST_SECONDS = 300.0  # so it finds an unknown warning before its ten minutes are over
DOUBT_SECONDS = 90.0  # after a call without an answer, its message may appear so late
LIST_IN_DOUBT_SECONDS = 30.0
RETRY_SECONDS = 60.0  # after a refusal
SURELY_POSTED = timedelta(minutes=1)  # after its time, as the bot's and Slack's clocks differ by seconds
FRESH_SECONDS = 60.0  # a listing may lack a message that is younger


class ScheduledBackups:
    """`check` runs every few seconds. It compares the wanted messages with those that the store and Slack have."""

    def __init__(
        self,
        *,
        chat: ScheduledMessages,
        store: ScheduledStore,
        clock: Clock,
        sending_right: LeadershipStatus,
        switch: DeadMansSwitch,
        pages: Callable[[], Sequence[WantedMessage]],
        lanes: Lanes,
    ) -> None:
        self._chat = chat
        self._store = store
        self._clock = clock
        self._sending_right = sending_right
        self._switch = switch
        self._pages = pages
        self._lanes = lanes
        self._list_at = float("-inf")
        """The next listing is due then, in monotonic seconds."""
        self._doubt_until = float("-inf")
        self._stored: set[str] = set()
        """The ids that this process stored, and did not remove since."""
        self._blocked: dict[str, float] = {}
        """By key, or "" for all: no call before then, in monotonic seconds."""
        self._reported: str | None = None
        """The last problem in the log. None: the last call succeeded."""

    async def check(self) -> None:
        """
        Raises:
            StoreAway: the next check tries again.
        """
        if not self._sending_right.is_leader:
            self._list_at, self._stored = float("-inf"), set()  # another sender may schedule meanwhile
            return
        if self._is_blocked(""):
            return
        rows = await self._store.scheduled()
        if not self._stored <= {row.id for row in rows}:
            self._list_at = float("-inf")  # the store lost an id
        if self._clock.monotonic() >= self._list_at:
            rows = await self._compare_with_slack(rows)
        wanted = await self._wanted()
        todo = await self._without_undelivered(reconcile(wanted, rows, self._clock.now()))
        await self._forget(await self._posted(todo.over))
        for message in todo.schedule[:MOST_CALLS]:
            await self._schedule(message)
        for row in todo.delete[:MOST_CALLS]:
            await self._delete(row)

    async def _wanted(self) -> Wanted:
        switch = await self._switch.wanted()
        return replace(switch, messages=(*switch.messages, *self._pages()))

    async def _without_undelivered(self, todo: Reconciliation) -> Reconciliation:
        """A backup stays while its channel has undelivered pages: the next step is planned, but nobody may know."""
        if not any(row.key != ORPHAN for row in todo.delete):
            return todo
        busy = {lane.receiver.id for lane in await self._lanes.lanes_with_work() if lane.kind is LaneKind.PAGES}
        delete = tuple(row for row in todo.delete if row.key in {SILENCE, ORPHAN} or row.channel not in busy)
        return replace(todo, delete=delete)

    async def _compare_with_slack(self, rows: Sequence[ScheduledRow]) -> tuple[ScheduledRow, ...]:
        """Adopts messages of which a crash lost the id, and drops those that somebody else deleted."""
        listed, now = await self._chat.listed(self._clock.now()), self._clock.now()
        if isinstance(listed, NotScheduled):
            self._refused("", listed)
            return tuple(rows)
        in_doubt = self._clock.monotonic() < self._doubt_until
        self._list_at = self._clock.monotonic() + (LIST_IN_DOUBT_SECONDS if in_doubt else LIST_SECONDS)
        known, pending = {row.id for row in rows}, {row.id for row in listed}
        orphans = [row for row in listed if row.id not in known]
        for row in orphans:
            emit(OrphanFound(channel=row.channel, scheduled=row.id))
            await self._save(row)
        unlisted = [row for row in rows if row.id not in pending and row.post_at > now]
        vanished = [row for row in unlisted if (now - row.made_at).total_seconds() > FRESH_SECONDS]
        if len(unlisted) > len(vanished):
            self._list_at = min(self._list_at, self._clock.monotonic() + FRESH_SECONDS)
        if vanished:
            await self._remove(vanished)
        return tuple(row for row in (*rows, *orphans) if row not in vanished)

    async def _posted(self, over: Sequence[ScheduledRow]) -> Sequence[ScheduledRow]:
        """Those that Slack no longer has. If the bot's time jumped, Slack's did not: it still has them, so they go.

        A warning stays until the bot reads and delivers again, which ends the silence.
        """
        held = self._switch.is_held
        over = [row for row in over if row.key != SILENCE or not held]
        listed = await self._chat.listed(self._clock.now()) if over else ()
        if isinstance(listed, NotScheduled):
            return over
        pending, now = {row.id for row in listed}, self._clock.now()
        early = [row for row in over if row.id in pending and now - row.post_at > SURELY_POSTED]
        for row in early[:MOST_CALLS]:
            await self._delete(row)
        return [row for row in over if row.id not in pending]

    async def _forget(self, posted: Sequence[ScheduledRow]) -> None:
        warnings = [row for row in posted if row.key == SILENCE]
        if posted:
            await self._remove(posted, self._switch.ended(warnings))

    async def _save(self, row: ScheduledRow) -> None:
        """If the store is away, only a listing can find the message again."""
        next_listing, self._list_at = self._list_at, float("-inf")
        await self._store.save_scheduled(row)
        self._list_at = next_listing
        self._stored.add(row.id)

    async def _remove(self, rows: Sequence[ScheduledRow], notices: Sequence[Message] = ()) -> None:
        self._stored -= {row.id for row in rows}
        await self._store.forget_scheduled(rows, notices)

    async def _schedule(self, message: WantedMessage) -> None:
        """Slack first: a crash before the store leaves an orphan, which the next sender's listing finds."""
        if self._is_blocked(message.key) or self._is_blocked("") or not self._sending_right.is_leader:
            return
        outcome = await self._chat.schedule(message.channel, message.content, message.post_at)
        if isinstance(outcome, NotScheduled):
            self._refused(message.key, outcome)
            return
        self._reported, now = None, self._clock.now()
        emit(
            MessageScheduled(
                purpose=message.key, channel=message.channel, seconds=(message.post_at - now).total_seconds()
            )
        )
        row = ScheduledRow(
            id=outcome.message_id,
            key=message.key,
            channel=message.channel,
            post_at=message.post_at.replace(microsecond=0),
            made_at=now,
            fingerprint=message.fingerprint,
        )
        await self._save(row)

    async def _delete(self, row: ScheduledRow) -> None:
        key = f"delete {row.id}"
        if self._is_blocked(key) or self._is_blocked("") or not self._sending_right.is_leader:
            return
        if refusal := await self._chat.delete(row.channel, row.id):
            self._refused(key, replace(refusal, unknown=False))
            return
        await self._remove([row])

    def _refused(self, key: str, refusal: NotScheduled) -> None:
        """A pause that Slack asks for, and a refused token, concern every call."""
        now = self._clock.monotonic()
        self._blocked = {blocked: until for blocked, until in self._blocked.items() if until > now}
        if refusal.retry_after is not None:
            self._blocked[""] = now + refusal.retry_after.total_seconds()
            return
        self._blocked["" if refusal.unauthorized else key] = now + RETRY_SECONDS
        if refusal.unknown:
            self._doubt_until = now + DOUBT_SECONDS
            self._list_at = now
        if refusal.error != self._reported:
            emit(ScheduleRefused(purpose=key or "listing", error=refusal.error))
            self._reported = refusal.error

    def _is_blocked(self, key: str) -> bool:
        return self._clock.monotonic() < self._blocked.get(key, float("-inf"))
