"""Keeps one workspace's records, watches and catalogue in step with the store. All writing of records is here."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeVar

from bot.domain.catalogue import Pipeline
from bot.domain.delivery import ReceiverKind
from bot.domain.flapping import DEFAULT_WINDOW, FlapWindow
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_newly_named
from bot.domain.plan import (
    Plan,
    Record,
    plan_failure_redrawn,
    plan_forgotten,
    plan_left,
    plan_newcomer,
    plan_redrawn,
    plan_restored,
    remembered,
)
from bot.domain.routing import Routing
from bot.domain.watch import API_PIPELINE_ID, ChannelId, share_names
from bot.ports.cards import Cards
from bot.ports.changes import UNKNOWN_POSITION
from bot.ports.lease_store import Lease
from bot.ports.record_store import RecordStore
from bot.ports.store_errors import LeadershipLost, StoreAway, StoreRolledBack
from bot.ports.telemetry import emit
from bot.ports.telemetry.delivery import NotNotified
from bot.ports.watch_store import WatchChanges, Watches, WatchStore
from bot.state.known_pipelines import KnownPipelines
from bot.state.known_state import KnownState, LostRows

ATTEMPTS = 5
WRITES_AT_ONCE = 50  # as many plans as share a step of the store
Latest = TypeVar("Latest", Watches, WatchChanges)


# Plans a write from the latest record and routing. None: there is nothing to write.
MakePlan = Callable[[Record, Routing], Plan | None]


class RepositoryStore(WatchStore, RecordStore, Cards, Protocol):
    """Watches, records and cards."""


class Repository(KnownPipelines):
    """Loads, plans and writes. Every write fails if another bot wrote first; then it plans again.

    Sets `wake` after it has enqueued deliveries, so that the dispatcher sends them at once.
    """

    def __init__(
        self,
        store: RepositoryStore,
        wake: asyncio.Event,
        fallback: ChannelId | None = None,
        operator: ChannelId | None = None,
        pagers: Mapping[str, ReceiverKind] | None = None,
        *,
        flap_window: FlapWindow = DEFAULT_WINDOW,
        chat_url: str = "",
    ) -> None:
        super().__init__(store.team, fallback, operator, pagers, flap_window=flap_window, chat_url=chat_url)
        self._store = store
        self._wake = wake
        self._watches_lock = asyncio.Lock()
        """One task at a time changes the watches. So no older answer replaces a newer one or counts as a rollback."""
        self._record_position = self._pipeline_position = UNKNOWN_POSITION
        """Of the store's logs: this process does not know later changes yet."""

    async def load(self) -> None:
        """Loads everything from the store, before anything else runs. Later, `catch_up` loads the changes alone."""
        self._pipeline_position = (await self._store.pipeline_changes(UNKNOWN_POSITION)).position
        catalogue = await self._store.catalogue()
        watches = await self._store.watches()
        share_names(watches.all, catalogue)
        stored = await self._stored_records()
        self._put_all(stored.values(), watches, catalogue)

    async def _stored_records(self) -> Mapping[PipelineId, Record]:
        """All records as of now: reading many takes seconds, in which this process or another may write some."""
        position = (await self._store.record_changes(UNKNOWN_POSITION)).position
        stored = await self._store.records()
        changes = await self._store.record_changes(position)
        if changes.changed != {}:
            stored = {**stored, **await self._store.records(changes.changed and [*changes.changed])}
        self._record_position = changes.position
        return stored

    async def find_all_read_since(self) -> datetime | None:
        """As `all_read_since`. Leaves the event loop its turns if it has to sort the readings of a large fleet."""
        for _ in self._oldest_reading.sort():
            await asyncio.sleep(0)
        return self.all_read_since

    async def refresh_watches(self) -> None:
        """Reads the watches again if they have changed.

        Raises:
            StoreRolledBack: the store knows fewer changes. This process keeps its watches until the bot has recovered.
        """
        async with self._watches_lock:
            version = await self._store.watches_version()
            if version == self.watches.version:
                return
            if version < self.watches.version:
                raise StoreRolledBack("Redis lost watches")
            if changes := await self._store.watch_changes(self.watches.position):
                self._apply_watches(self._no_older(changes))
            else:
                self._replace_watches(self._no_older(await self._store.watches()))

    def _no_older(self, watches: Latest) -> Latest:
        if watches.version < self.watches.version:
            raise StoreRolledBack("Redis lost watches")
        return watches

    async def save_page(self, pipelines: Collection[Pipeline], lease: Lease | None = None) -> None:
        """Stores pipelines that a listing shows, and redraws the cards of changed ones. `lease`: the leader's, if it
        lists.

        Raises:
            LeadershipLost: the lease is lost, so the store keeps what the next leader lists.
        """
        before = {pipeline.id: self._catalogue.get(pipeline.id) for pipeline in pipelines}
        changed = self._take_page(pipelines)
        await self._save_catalogue(lease)
        for pipeline_id in sorted(changed):
            if before[pipeline_id] and self.record(pipeline_id).episode:
                await self.write(pipeline_id, plan_redrawn)

    async def end_listing(
        self,
        listed: AbstractSet[PipelineId],
        *,
        absent: AbstractSet[PipelineId] = frozenset(),
        complete_at: float | None,
        lease: Lease | None = None,
    ) -> None:
        """Removes the pipelines that a complete listing lacks. `complete_at`: when it began, in monotonic seconds.

        An incomplete listing removes only those that GoldRush does not have: the `absent` ones.

        Raises:
            LeadershipLost: as `save_page`.
        """
        self._end_listing(listed, absent, complete_at)
        await self._save_catalogue(lease)

    async def _save_catalogue(self, lease: Lease | None) -> None:
        """Saves what has changed since the last time. After a failure, the next call saves it too."""
        changed = frozenset(self._catalogue.unsaved)
        if not changed:
            return
        known = {pipeline_id: self._catalogue.get(pipeline_id) for pipeline_id in changed}
        try:
            await self._store.save_pipelines(
                [pipeline for pipeline in known.values() if pipeline],
                removed=[pipeline_id for pipeline_id, pipeline in known.items() if pipeline is None],
                lease=lease,
            )
        except LeadershipLost:
            self._catalogue.unsaved.clear()
            self._pipeline_position = UNKNOWN_POSITION  # the next leader's catalogue counts: read all of it
            raise
        self._catalogue.unsaved -= {
            pipeline_id for pipeline_id in changed if self._catalogue.get(pipeline_id) == known[pipeline_id]
        }

    async def redraw(self, pipeline_ids: Iterable[PipelineId]) -> None:
        """Updates the cards of these pipelines' open episodes."""
        await self.write_each(set(pipeline_ids), plan_redrawn)

    async def redraw_failures(self, pipeline_ids: Iterable[PipelineId]) -> int:
        """Updates the cards of those of these pipelines whose failure is open, and returns their number.

        Another bot may have closed one that this process still takes for open: the store decides.
        """
        redrawn = 0

        async def redraw(pipeline_id: PipelineId) -> None:
            nonlocal redrawn
            if await self.write(pipeline_id, plan_failure_redrawn):
                redrawn += 1

        await self._each(set(pipeline_ids), redraw)
        return redrawn

    async def write(
        self, pipeline_id: PipelineId, make: MakePlan, routing: Routing | None = None, lease: Lease | None = None
    ) -> Plan | None:
        """Plans and writes. Plans again if another bot wrote first.

        Raises:
            LeadershipLost: the leader's `lease` is lost. Nothing was written.
            StoreAway: the plan may or may not be written. The caller may try the same reading or click again.
        """
        for _ in range(ATTEMPTS):
            record = self.record(pipeline_id)
            plan = make(record, routing or self.routing(self.pipeline(pipeline_id)))
            if plan is None:
                return None
            if not plan.must_be_written:
                self._put(plan.record)
                return plan
            if await self._commit(plan, lease):
                self._put(replace(plan.record, version=plan.record.version + 1))
                if plan.messages:
                    self._wake.set()
                _report_skips(plan)
                return plan
            await self.refresh_watches()
            self._put(remembered(await self._store.record(pipeline_id), record))
        raise StoreAway(f"other bots wrote {pipeline_id} first, {ATTEMPTS} times in a row")

    async def _commit(self, plan: Plan, lease: Lease | None) -> bool:
        """Counts the plan's card of a late chain at once: the next pipeline is planned while the store writes."""
        self._records.chain_cards.put(plan.record)
        try:
            return await self._store.commit(plan, self.watches.version, lease)
        finally:
            self._records.chain_cards.put(self.record(plan.record.pipeline_id))

    async def welcome(self, channels: Iterable[ChannelId] = ()) -> None:
        """Opens cards of current failures in channels that began to watch, and pages newly named people."""

        async def welcome(pipeline_id: PipelineId) -> None:
            watching = (audience.channel for audience in self.routing(self.pipeline(pipeline_id)).audiences)
            for channel in channels or watching:
                await self.write(pipeline_id, _opening_in(channel))
                await self.write(pipeline_id, _late_page_in(channel))

        await self._each(self._records.open.keys() & self._polled.watched, welcome)

    async def write_each(self, pipeline_ids: AbstractSet[PipelineId], make: MakePlan) -> None:
        """Plans and writes for each of these pipelines.

        Raises:
            StoreAway: a part may be written.
        """
        await self._each(pipeline_ids, lambda pipeline_id: self.write(pipeline_id, make))

    async def _each(
        self, pipeline_ids: AbstractSet[PipelineId], write: Callable[[PipelineId], Awaitable[object]]
    ) -> None:
        """Writes some records at the same time: those share a step of the store.

        Raises:
            StoreAway: a part may be written.
        """
        in_order = sorted(pipeline_ids)
        for first in range(0, len(in_order), WRITES_AT_ONCE):
            writes = map(write, in_order[first : first + WRITES_AT_ONCE])
            for end in await asyncio.gather(*writes, return_exceptions=True):
                if isinstance(end, BaseException):
                    raise end

    async def catch_up(self) -> None:
        """Loads other bots' later writes. Leaves older records of a rolled-back store for `restore`."""
        await self.refresh_watches()
        await self._catch_up_records()
        await self._catch_up_pipelines()

    async def _catch_up_records(self) -> None:
        changes = await self._store.record_changes(self._record_position)
        versions = changes.changed
        later = None if versions is None else [key for key in versions if self.record(key).version < versions[key]]
        if later is None or later:
            for record in (await self._store.records(later)).values():
                if self.record(record.pipeline_id).version < record.version:
                    self._put(remembered(record, self.record(record.pipeline_id)))
        self._record_position = changes.position

    async def _catch_up_pipelines(self) -> None:
        position = self._pipeline_position
        changes = await self._store.pipeline_changes(position)
        changed = await self._all_pipelines() if changes.changed is None else changes.changed
        unsaved = frozenset(self._catalogue.unsaved)
        self._take_page(pipeline for pipeline in changed.values() if pipeline)
        for pipeline_id in (key for key, pipeline in changed.items() if pipeline is None):
            self.unlist(pipeline_id)
        self._catalogue.unsaved &= unsaved
        if self._pipeline_position == position:
            self._pipeline_position = changes.position

    async def _all_pipelines(self) -> Mapping[PipelineId, Pipeline | None]:
        """The stored pipelines. None: removed. This process may save others during the read, which can miss those."""
        saved = self._catalogue.everything().keys() - self._catalogue.unsaved
        stored = await self._store.catalogue()
        return {**stored, **dict.fromkeys(saved - stored.keys())}

    async def restore(self, known: KnownState, *, emptied: bool) -> LostRows:
        """After the store lost writes, writes the records of which this process knows a later version.

        Returns the lost watches, notes and settings: it does not restore those. `emptied`: Redis lost everything. Then
        the bot does not look for earlier cards, and closed episodes get no card.

        Raises:
            StoreAway: a part is written. The caller may try again with the same knowledge.
        """
        watches = await self._store.watches()
        stored_ids = {watch.id for watch in watches.all}
        kept_notes = {note.id: note for note in watches.notes}
        kept_rows = {row.key: row for row in watches.setup.rows}
        position = (await self._store.pipeline_changes(UNKNOWN_POSITION)).position
        stored = await self._stored_records()
        async with self._watches_lock:
            self._put_all(self._remembered(stored), watches, known.catalogue)
        self._pipeline_position = position

        async def restore(pipeline_id: PipelineId) -> None:
            record = known.records[pipeline_id]
            before = stored.get(pipeline_id) or Record(pipeline_id=pipeline_id)
            if record.version > before.version:
                await self.write(pipeline_id, _restoring(record, emptied=emptied))

        await self._each(known.records.keys() & (self._polled.watched | {API_PIPELINE_ID}), restore)
        await self._store.save_pipelines(known.catalogue.values())
        return LostRows(
            watches=tuple(watch for watch in known.watches if watch.id not in stored_ids),
            notes=tuple(note for note in known.notes if note.id not in kept_notes or kept_notes[note.id].at < note.at),
            setup=tuple(
                row
                for row in known.setup
                if row.is_setting and (row.key not in kept_rows or kept_rows[row.key].made_at < row.made_at)
            ),
        )

    async def forget(
        self, pipeline_ids: Iterable[PipelineId], at: datetime, leaving: Collection[ChannelId] = ()
    ) -> None:
        """Ends the episodes of pipelines that nobody watches any more; their last cards say so.

        Of other pipelines, ends the cards in the conversations `leaving` if no watch is left there.
        """
        make = self._forgetting(at, leaving)

        async def forget(pipeline_id: PipelineId) -> None:
            await self.write(pipeline_id, make, self.routing(await self._as_shown(pipeline_id)))

        await self._each(set(pipeline_ids) & self._records.ids, forget)

    async def _as_shown(self, pipeline_id: PipelineId) -> Pipeline:
        """The pipeline as last listed. An unlisted one gets the name on its cards, since its watch may be gone."""
        episode = self.record(pipeline_id).episode
        shown = await self._store.cards(tuple(episode.cards)) if episode and pipeline_id not in self.listed else {}
        return next((card.content.pipeline for card in shown.values()), self.pipeline(pipeline_id))

    def _forgetting(self, at: datetime, leaving: Collection[ChannelId]) -> MakePlan:
        """Plans the end of an episode. Decides again at each attempt: someone may have begun to watch meanwhile."""

        def make(record: Record, routing: Routing) -> Plan | None:
            watched = record.pipeline_id in self._polled.watched or record.pipeline_id == API_PIPELINE_ID
            now = self.routing(routing.pipeline)
            if not watched:
                return plan_forgotten(record, now, at)
            stay = {watch.channel for watch in self.watches_of(routing.pipeline)}
            return plan_left(record, now, set(leaving) - stay, at)

        return make


def _report_skips(plan: Plan) -> None:
    """Log and metric have the same reason as the stored receipt."""
    for skip in plan.skips:
        emit(NotNotified(pipeline=plan.record.pipeline_id, channel=skip.conversation, reason=skip.reason.value))


def _restoring(record: Record, *, emptied: bool) -> MakePlan:
    if emptied and not (record.episode and record.episode.open):
        return lambda stored, _: Plan(record=replace(record, version=stored.version))
    return lambda stored, routing: plan_restored(record, stored, routing)


def _opening_in(channel: ChannelId) -> MakePlan:
    return lambda record, routing: plan_newcomer(record, routing, channel)


def _late_page_in(channel: ChannelId) -> MakePlan:
    return lambda record, routing: plan_newly_named(record, routing, channel)
