"""The store in memory: a Python version of the Lua scripts.

The simulation uses it for speed. The state machine compares it with the real store.
"""

import copy
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import TypeVar

from bot.domain.alias import NO_ALIASES, Aliases, IdChange
from bot.domain.audit import AuditPage
from bot.domain.backlog import Grouping
from bot.domain.card import PostedCard, PostedGroup, SyncGroup
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery, Lane, LaneKind, Message, Receiver, ReceiverKind, in_slack
from bot.domain.held_pages import PageLog
from bot.domain.note import Note
from bot.domain.observation import PipelineId
from bot.domain.pager_lane import Incident, PagerLaneChange
from bot.domain.plan import Plan, Record
from bot.domain.setup import Setup, SetupRow
from bot.domain.setup_change import SetupChange
from bot.domain.subscription import Undo, WatchChange
from bot.domain.watch import ChannelId, SuspendReason, TeamId, Watch
from bot.ports.changes import Changes
from bot.ports.clock import Clock
from bot.ports.heartbeat_store import LastHeartbeat
from bot.ports.interaction_store import Interaction
from bot.ports.lease_store import Lease
from bot.ports.outbox import DeliveryResult, PageEntry, ResultKind
from bot.ports.store_errors import LeadershipLost, StoreRolledBack
from bot.ports.watch_store import WatchChanges, Watches
from bot.store.channels import TRIAL_SECONDS
from bot.store.lanes import LEASE_SECONDS
from bot.store.leases import LEADER_LEASE_SECONDS

T = TypeVar("T")
_POSITIONS = count()
Trip = Callable[[], Awaitable[None]]


@dataclass
class Disk:
    """The contents of one Redis."""

    run: int = 1
    watches: dict[str, Watch] = field(default_factory=dict)
    watches_version: int = 0
    setup: dict[str, SetupRow] = field(default_factory=dict)
    suspended: dict[ChannelId, SuspendReason] = field(default_factory=dict)
    resumed: dict[ChannelId, datetime] = field(default_factory=dict)
    notified: dict[ChannelId, tuple[tuple[str, ...], float]] = field(default_factory=dict)
    """The suspension that a channel's makers last heard of, and until when the store remembers it."""
    records: dict[PipelineId, Record] = field(default_factory=dict)
    cards: dict[str, PostedCard] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)
    changes: int = 0
    recent: dict[Receiver, dict[str, datetime]] = field(default_factory=dict)
    rows: dict[str, Delivery] = field(default_factory=dict)
    lanes: dict[Lane, list[str]] = field(default_factory=dict)
    last_id: dict[Lane, str] = field(default_factory=dict)
    paged: dict[Receiver, list[tuple[str, PageEntry]]] = field(default_factory=dict)
    calls: dict[tuple[Receiver, str], Message] = field(default_factory=dict)
    incidents: dict[Receiver, tuple[Incident, ...]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    leases: dict[str, tuple[str, float]] = field(default_factory=dict)
    throttles: dict[tuple[ReceiverKind, str], datetime] = field(default_factory=dict)
    buckets: dict[tuple[ReceiverKind, str], datetime] = field(default_factory=dict)
    catalogue: dict[PipelineId, Pipeline] = field(default_factory=dict)
    logs: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """Of each kind of row: the position, id and value of each change."""
    interactions: dict[str, Interaction] = field(default_factory=dict)
    interaction_keys: set[str] = field(default_factory=set)
    epoch: int = 0
    heartbeat: tuple[datetime, str, datetime | None, float | None] | None = None
    gap_reported: datetime | None = None
    doubt: datetime | None = None
    writes: dict[int, int] = field(default_factory=dict)

    @property
    def whole_setup(self) -> Setup:
        return Setup(tuple(row for _, row in sorted(self.setup.items())))

    def log(self, kind: str, *changes: tuple[str, str]) -> None:
        """Gives each change a position that no other disk has, not even one that was rolled back."""
        self.logs.setdefault(kind, []).extend((f"at {next(_POSITIONS)}", *change) for change in changes)

    def log_end(self, kind: str) -> str:
        return self.logs[kind][-1][0] if self.logs.get(kind) else "begin"

    def logged(self, kind: str, position: str) -> list[tuple[str, str]] | None:
        """The changes after a position. None: the log does not have it."""
        entries = self.logs.get(kind, [])
        positions = ["begin", *(at for at, _, _ in entries)]
        if position not in positions:
            return None
        return [(key, value) for _, key, value in entries[positions.index(position) :]]

    def snapshot(self) -> "Disk":
        return copy.copy(self)._unshared()

    def _unshared(self) -> "Disk":
        for name, value in vars(self).items():
            if isinstance(value, dict):
                setattr(
                    self,
                    name,
                    {key: copy.copy(item) if isinstance(item, set | list) else item for key, item in value.items()},
                )
        return self


class MemoryStore:
    """Implements every port of the store. Each call awaits `trip` on the way there and on the way back."""

    def __init__(self, disk: Callable[[], Disk], team: TeamId, clock: Clock, me: int, trip: Trip) -> None:
        self.team = team
        self._disk = disk
        self._clock = clock
        self._me = me
        self._written = 0
        self._run = 0
        """The run of the server that this process knows, or 0 before the first heartbeat."""
        self._trip = trip
        self._tokens = 0
        self.fenced = True
        self.atomic = True

    @property
    def knows_the_server(self) -> bool:
        return self._run != 0

    @property
    def disk(self) -> Disk:
        return self._disk()

    async def _query(self, answer: Callable[[], T]) -> T:
        await self._trip()
        return answer()

    async def _mutate(self, change: Callable[[], T]) -> T:
        await self._trip()
        if self.disk.writes.get(self._me, 0) < self._written or self._run not in {0, self.disk.run}:
            raise StoreRolledBack("forgotten")
        given = change()
        if given:
            self.disk.writes[self._me] = self.disk.writes.get(self._me, 0) + 1
        await self._trip()
        if given:
            self._written += 1
        return given

    # --- watches ---------------------------------------------------------------------------------------------------

    async def watches(self) -> Watches:
        def answer() -> Watches:
            watches = sorted(self.disk.watches.values(), key=lambda watch: (watch.made_at, watch.id))
            end, suspended = self.disk.log_end("watches"), dict(self.disk.suspended)
            return Watches(
                self.disk.watches_version, tuple(watches), suspended, position=end, setup=self.disk.whole_setup
            )

        return await self._query(answer)

    async def watches_version(self) -> int:
        return await self._query(lambda: self.disk.watches_version)

    async def watch_changes(self, position: str) -> WatchChanges | None:
        def answer() -> WatchChanges | None:
            logged = self.disk.logged("watches", position)
            if logged is None:
                return None
            changed: dict[ChannelId, dict[str, Watch | None]] = {}
            for watch_id, channel in logged:
                changed.setdefault(ChannelId(channel), {})[watch_id] = self.disk.watches.get(watch_id)
            end, suspended = self.disk.log_end("watches"), dict(self.disk.suspended)
            return WatchChanges(self.disk.watches_version, changed, suspended, (), end, self.disk.whole_setup)

        return await self._query(answer)

    async def add_watches(self, watches: Sequence[Watch], announcement: Message) -> int:
        def change() -> int:
            new = [watch for watch in watches if self.disk.watches.get(watch.id) != watch]
            self.disk.watches.update({watch.id: watch for watch in new})
            self.disk.log("watches", *((watch.id, watch.channel) for watch in new))
            if new:
                self.disk.watches_version += 1
                self._wake(ChannelId(announcement.receiver.id))
                self.disk.notified.pop(ChannelId(announcement.receiver.id), None)
                self._enqueue(announcement)
            return len(new)

        return await self._mutate(change)

    async def edit_watches(self, watches: Sequence[Watch], announcement: Message) -> int:
        def change() -> int:
            new = [watch for watch in watches if self.disk.watches.get(watch.id) != watch]
            self.disk.watches.update({watch.id: watch for watch in new})
            self.disk.log("watches", *((watch.id, watch.channel) for watch in new))
            if new:
                self.disk.watches_version += 1
                self._enqueue(announcement)
            return len(new)

        return await self._mutate(change)

    async def remove_watches(self, watch_ids: Sequence[str], announcement: Message) -> int:
        def change() -> int:
            removed = [self.disk.watches.pop(watch_id) for watch_id in watch_ids if watch_id in self.disk.watches]
            self.disk.log("watches", *((watch.id, watch.channel) for watch in removed))
            if removed:
                self.disk.watches_version += 1
                self._enqueue(announcement)
            return len(removed)

        return await self._mutate(change)

    async def change_watches(self, change: WatchChange) -> bool:
        raise NotImplementedError

    async def undo(self, undo_id: str) -> Undo | None:
        raise NotImplementedError

    async def add_greeting(self, greeting: Message) -> bool:
        raise NotImplementedError

    async def change_setup(self, change: SetupChange) -> bool:
        def apply() -> bool:
            if change.version != self.disk.watches_version:
                return False
            for edit in change.edits:
                if edit.after:
                    self.disk.setup[edit.row.key] = edit.after
                else:
                    self.disk.setup.pop(edit.row.key, None)
            self.disk.watches_version += 1
            for message in change.announcements:
                self._enqueue(message)
            return True

        return await self._mutate(apply)

    async def audit(self, before: str = "", count: int = 100) -> AuditPage:
        raise NotImplementedError

    async def set_note(self, note: Note, before: Note | None = None) -> bool:
        raise NotImplementedError

    async def aliases(self) -> Aliases:
        return NO_ALIASES

    async def change_ids(self, changes: Sequence[IdChange]) -> bool:
        raise NotImplementedError

    async def suspend(
        self, channel: ChannelId, reason: SuspendReason, notices: Sequence[Message], watches: Sequence[Watch]
    ) -> int | None:
        def change() -> int:
            there = {watch.id: watch.made_at for watch in self.disk.watches.values() if watch.channel == channel}
            if channel in self.disk.suspended or there != {watch.id: watch.made_at for watch in watches}:
                return 0
            self.disk.suspended[channel] = reason
            self.disk.watches_version += 1
            news = self._remember_notified(channel, reason)
            for message in notices if news else ():
                self._enqueue(message)
            return 1 + len(notices) if news else 1

        answer = await self._mutate(change)
        return answer - 1 if answer else None

    def _remember_notified(self, channel: ChannelId, reason: SuspendReason) -> bool:
        """Returns whether the suspension is news to the channel's makers."""
        known, until = self.disk.notified.get(channel, ((), 0.0))
        suspension = (
            reason,
            *(self.disk.last_id.get(Lane(kind, in_slack(self.team, channel)), "") for kind in LaneKind),
        )
        self.disk.notified[channel] = (suspension, float("inf"))
        return known != suspension or until <= self._clock.monotonic()

    async def resume(self, channel: ChannelId, *, on_trial: bool = False) -> bool:
        def change() -> bool:
            if not self._wake(channel):
                return False
            self.disk.watches_version += 1
            known, _ = self.disk.notified.pop(channel, ((), 0.0))
            if on_trial:
                self.disk.notified[channel] = (known, self._clock.monotonic() + TRIAL_SECONDS)
            return True

        return await self._mutate(change)

    def _wake(self, channel: ChannelId) -> bool:
        if self.disk.suspended.pop(channel, None) is None:
            return False
        self.disk.resumed[channel] = self._clock.now()
        return True

    # --- pipelines -------------------------------------------------------------------------------------------------

    async def next_epoch(self, above: int = 0) -> int:
        def answer() -> int:
            self.disk.epoch = max(self.disk.epoch, above) + 1
            return self.disk.epoch

        return await self._query(answer)

    async def record_changes(self, position: str) -> Changes[int]:
        def answer() -> Changes[int]:
            logged = self.disk.logged("records", position)
            versions = None if logged is None else {PipelineId(key): int(version) for key, version in logged}
            return Changes(self.disk.log_end("records"), versions)

        return await self._query(answer)

    async def records(self, pipeline_ids: Collection[PipelineId] | None = None) -> Mapping[PipelineId, Record]:
        def answer() -> Mapping[PipelineId, Record]:
            records = self.disk.records
            return {key: records[key] for key in (records if pipeline_ids is None else pipeline_ids) if key in records}

        return await self._query(answer)

    async def record(self, pipeline_id: PipelineId) -> Record:
        return await self._query(lambda: self.disk.records.get(pipeline_id, Record(pipeline_id=pipeline_id)))

    async def commit(self, plan: Plan, watches_version: int, lease: Lease | None = None) -> bool:
        if not self.atomic:
            return await self._commit_in_two_steps(plan)

        def change() -> bool:
            if lease is not None and not self._holds(lease):
                raise LeadershipLost("lost")
            pipeline_id = plan.record.pipeline_id
            stored = self.disk.records.get(pipeline_id)
            if (stored.version if stored else 0) != plan.record.version:
                return False
            if self.disk.watches_version != watches_version:
                return False
            self._write_state(plan)
            for delivery in plan.messages:
                self._enqueue(delivery)
            return True

        return await self._mutate(change)

    async def _commit_in_two_steps(self, plan: Plan) -> bool:
        """Sabotage: writes the state first and its deliveries in a second step."""
        self._write_state(plan)
        await self._trip()
        for delivery in plan.messages:
            self._enqueue(delivery)
        return True

    def _write_state(self, plan: Plan) -> None:
        version = plan.record.version + 1
        self.disk.records[plan.record.pipeline_id] = replace(plan.record, version=version)
        self.disk.log("records", (plan.record.pipeline_id, str(version)))
        for card in plan.cards:
            there = self.disk.cards.get(card.key)
            new = (
                replace(there, content=card, revision=card.revision)
                if there
                else PostedCard(content=card, revision=card.revision)
            )
            self.disk.cards[card.key] = new

    async def catalogue(self) -> Mapping[PipelineId, Pipeline]:
        return await self._query(lambda: dict(self.disk.catalogue))

    async def pipeline_changes(self, position: str) -> Changes[Pipeline | None]:
        def answer() -> Changes[Pipeline | None]:
            logged, catalogue = self.disk.logged("pipelines", position), self.disk.catalogue
            ids = None if logged is None else [PipelineId(key) for key, _ in logged]
            return Changes(
                self.disk.log_end("pipelines"), None if ids is None else {key: catalogue.get(key) for key in ids}
            )

        return await self._query(answer)

    async def save_pipelines(
        self, pipelines: Iterable[Pipeline], removed: Iterable[PipelineId] = (), *, lease: Lease | None = None
    ) -> None:
        def answer() -> None:
            if lease is not None and not self._holds(lease):
                raise LeadershipLost("another bot lists the pipelines now")
            listed, ended = tuple(pipelines), tuple(removed)
            self.disk.catalogue.update({pipeline.id: pipeline for pipeline in listed})
            for pipeline_id in ended:
                self.disk.catalogue.pop(pipeline_id, None)
            self.disk.log("pipelines", *((key, "") for key in [*(pipeline.id for pipeline in listed), *ended]))

        await self._query(answer)

    # --- interactions, leases, heartbeats ---------------------------------------------------------------------------

    async def add_interaction(self, interaction: Interaction) -> bool:
        def answer() -> bool:
            if interaction.id in self.disk.interaction_keys:
                return False
            self.disk.interaction_keys.add(interaction.id)
            self.disk.interactions[interaction.id] = interaction
            return True

        return await self._query(answer)

    async def finish_interaction(self, interaction: Interaction) -> None:
        await self._query(lambda: self.disk.interactions.pop(interaction.id, None))

    async def unfinished_interactions(self) -> tuple[Interaction, ...]:
        return await self._query(
            lambda: tuple(sorted(self.disk.interactions.values(), key=lambda interaction: interaction.at))
        )

    async def acquire_lease(self, name: str, held: Lease | None = None) -> Lease | None:
        return await self._leased(name, held, LEADER_LEASE_SECONDS)

    async def release_lease(self, lease: Lease) -> None:
        await self.release(lease)

    async def last_heartbeat(self) -> LastHeartbeat:
        at, run_id, since, late = self.disk.heartbeat or (None, "", None, None)
        if self._run == 0:
            await self._greet()
        doubt, gap = self.disk.doubt, self.disk.gap_reported
        return await self._query(
            lambda: LastHeartbeat(
                run_id=str(self.disk.run),
                last_run_id=run_id,
                last_at=at,
                read_since=since,
                late_promise=late,
                gap_reported=gap,
                doubt_since=doubt,
            )
        )

    async def _greet(self) -> None:
        def answer() -> tuple[int, int]:
            self.disk.writes[self._me] = self.disk.writes.get(self._me, 0) + 1
            return self.disk.writes[self._me], self.disk.run

        self._written, self._run = await self._query(answer)

    async def record_heartbeat(
        self,
        at: datetime,
        run_id: str,
        notices: Sequence[Message] = (),
        *,
        read_since: datetime | None = None,
        late_promise: float | None = None,
        reports_gap: bool = False,
        still_listing: bool = False,
    ) -> None:
        def change() -> bool:
            self.disk.heartbeat = (at, run_id, read_since, late_promise)
            self.disk.gap_reported = at if reports_gap else self.disk.gap_reported
            for message in notices:
                self._enqueue(message)
            return True

        await self._mutate(change)

    async def enqueue(self, deliveries: Sequence[Message], redrawn: Sequence[str] = ()) -> None:
        def change() -> bool:
            for message in deliveries:
                self._enqueue(message)
            for key in redrawn:
                if key in self.disk.cards:
                    self.disk.cards[key] = replace(self.disk.cards[key], shown_revision=0)
            return True

        await self._mutate(change)

    async def lost_keys(
        self, cards: Sequence[str], suspended: Iterable[ChannelId]
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        """Reports none: this store never loses a single key."""
        return (), frozenset()

    async def accept_loss(self, at: datetime | None) -> None:
        def change() -> bool:
            self.disk.doubt = at
            return True

        await self._greet()
        await self._mutate(change)

    # --- outbox ----------------------------------------------------------------------------------------------------

    def _enqueue(self, message: Message) -> None:
        self._put(Delivery(message=message))

    def _put(self, delivery: Delivery) -> None:
        if delivery.id not in self.disk.rows:
            self.disk.changes += 1
            self.disk.rows[delivery.id] = delivery
            self.disk.lanes.setdefault(delivery.lane, []).append(delivery.id)

    def _take_away(self, lane: Lane, delivery_id: str) -> None:
        self.disk.rows.pop(delivery_id, None)
        ids = self.disk.lanes.get(lane, [])
        if delivery_id in ids:
            ids.remove(delivery_id)
        if not ids:
            self.disk.lanes.pop(lane, None)

    def _holds(self, lease: Lease) -> bool:
        token, until = self.disk.leases.get(lease.name, ("", 0.0))
        return not self.fenced or (token == lease.token and until > self._clock.monotonic())

    async def lanes_with_work(self) -> tuple[Lane, ...]:
        return await self._query(
            lambda: tuple(sorted(lane for lane in self.disk.lanes if lane.receiver.id not in self.disk.suspended))
        )

    async def suspended_lanes(self) -> tuple[Lane, ...]:
        return await self._query(
            lambda: tuple(sorted(lane for lane in self.disk.lanes if lane.receiver.id in self.disk.suspended))
        )

    async def changes(self) -> int:
        return await self._query(lambda: self.disk.changes)

    async def lease(self, lane: Lane, held: Lease | None = None) -> Lease | None:
        return await self._leased(lane.name, held, LEASE_SECONDS)

    async def _leased(self, name: str, held: Lease | None, seconds: float) -> Lease | None:
        self._tokens += 1
        token = held.token if held else f"{self._me}-{self._tokens}"
        asked_at = self._clock.monotonic()

        def answer() -> bool:
            now = self._clock.monotonic()
            holder, until = self.disk.leases.get(name, ("", 0.0))
            if until > now and holder != token:
                return False
            self.disk.leases[name] = (token, now + seconds)
            return True

        if not await self._query(answer):
            return None
        since = held.since if held and held.expires > asked_at else self._clock.now()
        return Lease(name=name, token=token, since=since, expires=asked_at + seconds)

    async def release(self, lease: Lease) -> None:
        def answer() -> None:
            if self.disk.leases.get(lease.name, ("", 0.0))[0] == lease.token:
                del self.disk.leases[lease.name]

        await self._query(answer)

    async def last_id(self, lane: Lane) -> str:
        return await self._query(lambda: self.disk.last_id.get(lane, ""))

    async def resumed_at(self, receiver: Receiver) -> datetime | None:
        return await self._query(lambda: self.disk.resumed.get(ChannelId(receiver.id)))

    async def deliveries(self, lane: Lane) -> tuple[Delivery, ...]:
        return await self._query(
            lambda: tuple(self.disk.rows[delivery_id] for delivery_id in self.disk.lanes.get(lane, []))
        )

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]:
        return await self._query(lambda: {key: self.disk.cards[key] for key in keys if key in self.disk.cards})

    async def group(self, key: str) -> tuple[PostedCard, ...]:
        return (await self._query(lambda: self._group(key))).cards

    async def groups(self, keys: Sequence[str]) -> Mapping[str, PostedGroup]:
        return await self._query(lambda: {key: self._group(key) for key in keys})

    def _group(self, key: str) -> PostedGroup:
        keys = self.disk.groups.get(key, set())
        cards = [self.disk.cards[card_key] for card_key in keys if card_key in self.disk.cards]
        by_name = sorted(cards, key=lambda card: card.content.pipeline.name.lower())
        return PostedGroup(cards=tuple(by_name), size=len(keys))

    async def recent_failures(self, receiver: Receiver, since: datetime) -> tuple[str, ...]:
        def answer() -> tuple[str, ...]:
            found = self.disk.recent.get(receiver, {})
            return tuple(sorted((key for key, at in found.items() if at >= since), key=lambda key: found[key]))

        return await self._query(answer)

    async def write(self, delivery: Delivery, lease: Lease) -> bool:
        def change() -> bool:
            if not self._holds(lease) or delivery.id not in self.disk.rows:
                return False
            self.disk.rows[delivery.id] = delivery
            return True

        return await self._mutate(change)

    async def settle(self, delivery: Delivery, lease: Lease, result: DeliveryResult) -> bool:
        def change() -> bool:
            if not self._holds(lease):
                return False
            self._take_away(delivery.lane, delivery.id)
            self.disk.changes += delivery.lane.kind is LaneKind.PAGES
            self.disk.last_id[delivery.lane] = max(self.disk.last_id.get(delivery.lane, ""), result.message_id)
            if result.log and result.kind is ResultKind.POSTED:
                others = [page for page in self.disk.paged.get(delivery.receiver, []) if page[0] != delivery.id]
                self.disk.paged[delivery.receiver] = [*others, (delivery.id, result.log)]
            if result.failure_at and result.kind is ResultKind.POSTED:
                self.disk.recent.setdefault(delivery.receiver, {})[delivery.id] = result.failure_at
            moved_on = [self._shown(key, revision, result) for key, revision in result.shown.items()]
            grown = 0 < result.size < len(self.disk.groups.get(result.group or "", ()))
            if any(moved_on) or grown:
                self._enqueue(result.redraw)
            if result.follow_up:
                self._enqueue(result.follow_up)
            return True

        return await self._mutate(change)

    def _shown(self, key: str, revision: int, ending: DeliveryResult) -> bool:
        """Records the shown revision. True if the card has a newer one, or has become part of a group."""
        card = self.disk.cards.get(key)
        if card is None:
            return False
        if card.group and card.group != ending.group:
            return True
        if ending.kind is ResultKind.POSTED:
            if ending.group and not card.group:
                self._found_in(ending.group, key, ending.message_id)
                card = replace(card, group=ending.group)
            card = replace(card, message_id=ending.message_id, shown_revision=revision, removed=False)
        elif ending.kind is ResultKind.REMOVED:
            card = replace(card, message_id=None, shown_revision=revision, removed=True)
        self.disk.cards[key] = card
        return card.revision > revision

    def _found_in(self, group: str, key: str, message_id: str) -> None:
        members = self.disk.groups.setdefault(group, set())
        origin = self.disk.cards.get(group)
        if origin and not origin.group and origin.message_id == message_id:
            self.disk.cards[group] = replace(origin, group=group)
            members.add(group)
        members.add(key)

    async def regroup(self, grouping: Grouping, lane: Lane, lease: Lease) -> bool:
        def change() -> bool:
            if not self._holds(lease):
                return False
            for delivery in grouping.replaced:
                self._take_away(lane, delivery.id)
            self.disk.changes += lane.kind is LaneKind.PAGES
            if grouping.merges:
                self.disk.rows[grouping.row.id] = grouping.row
            for delivery in (grouping.row, *grouping.accompanied_by):
                self._put(delivery)
            self._regroup_cards(grouping, lane.receiver)
            return True

        return await self._mutate(change)

    def _regroup_cards(self, grouping: Grouping, receiver: Receiver) -> None:
        if isinstance(body := grouping.row.body, SyncGroup):
            self._join(body.group_key, grouping, receiver)
        for key, revision in grouping.summarized.items():
            self.disk.cards[key] = replace(self.disk.cards[key], summarized_revision=revision)
        for key in grouping.forgets:
            self.disk.cards.pop(key, None)

    async def incidents(self, receiver: Receiver) -> Mapping[str, Incident]:
        def answer() -> Mapping[str, Incident]:
            known = {incident.key: incident for incident in self.disk.incidents.get(receiver, ())}
            return dict(sorted(known.items()))

        return await self._query(answer)

    async def change_pager_lane(self, change: PagerLaneChange, lane: Lane, lease: Lease) -> bool:
        def apply() -> bool:
            if not self._holds(lease):
                return False
            for delivery in change.replaced:
                self._take_away(lane, delivery.id)
            for delivery in change.rows:
                if delivery.id in self.disk.rows:
                    self.disk.rows[delivery.id] = delivery
                else:
                    self._put(delivery)
            known = {incident.key: incident for incident in self.disk.incidents.get(lane.receiver, ())}
            known |= {incident.key: incident for incident in change.incidents}
            open_still = (incident for key, incident in known.items() if key not in change.ended)
            self.disk.incidents[lane.receiver] = tuple(open_still)
            return True

        return await self._mutate(apply)

    async def was_answered(self, event_id: str) -> bool:
        return await self._query(lambda: event_id in self.disk.answered)

    async def remember_answer(self, event_id: str) -> None:
        await self._query(lambda: self.disk.answered.add(event_id))

    def _join(self, group: str, grouping: Grouping, receiver: Receiver) -> None:
        recent = self.disk.recent.setdefault(receiver, {})
        for key in grouping.joins:
            card = replace(self.disk.cards[key], group=group)
            if grouping.message_id:
                shown_revision = 0 if card.message_id else -1
                card = replace(card, message_id=grouping.message_id, shown_revision=shown_revision)
            self.disk.cards[key] = card
            self.disk.groups.setdefault(group, set()).add(key)
            recent.pop(key, None)
        if grouping.joined_at:
            recent[group] = grouping.joined_at

    async def page_log(self, receiver: Receiver, since: datetime) -> PageLog:
        def answer() -> PageLog:
            entries = [entry for _, entry in self.disk.paged.get(receiver, []) if entry.at > since]
            return PageLog(
                pages=tuple(entry.at for entry in entries if not entry.is_summary),
                summaries=tuple(entry.at for entry in entries if entry.is_summary),
            )

        return await self._query(answer)

    async def save_call(self, ending: Message) -> None:
        def answer() -> None:
            self.disk.calls[ending.receiver, ending.id] = ending

        await self._query(answer)

    async def calls(self, receiver: Receiver) -> tuple[Message, ...]:
        return await self._query(
            lambda: tuple(
                call for (of, _), call in sorted(self.disk.calls.items(), key=lambda item: item[0][1]) if of == receiver
            )
        )

    async def end_calls(self, endings: Sequence[Message]) -> None:
        def change() -> bool:
            there = [self.disk.calls.pop((ending.receiver, ending.id), None) for ending in endings]
            for ending in endings if any(there) else ():
                self._enqueue(ending)
            return True

        await self._mutate(change)

    async def throttles(self) -> Mapping[tuple[ReceiverKind, str], datetime]:
        return await self._query(lambda: dict(self.disk.throttles))

    async def save_throttle(self, kind: ReceiverKind, method: str, until: datetime) -> None:
        def answer() -> None:
            self.disk.throttles[kind, method] = until

        await self._query(answer)

    async def full_buckets(self) -> Mapping[tuple[ReceiverKind, str], datetime]:
        return await self._query(lambda: dict(self.disk.buckets))

    async def save_full_buckets(self, full_at: Mapping[tuple[ReceiverKind, str], datetime]) -> None:
        await self._query(lambda: self.disk.buckets.update(full_at))
