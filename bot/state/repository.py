"""What the process knows of the store: watches, catalogue, records. All writing of records goes through it."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Protocol

import structlog

from bot.domain.catalogue import Pipeline
from bot.domain.coverage import Coverage, Watchers
from bot.domain.note import Guidance, guidance
from bot.domain.observation import PipelineId
from bot.domain.plan import (
    Plan,
    Record,
    Routing,
    plan_forgotten,
    plan_left,
    plan_newcomer,
    plan_newly_named,
    plan_redrawn,
    plan_restored,
    remembered,
)
from bot.domain.transition import Reach, read_again, read_since
from bot.domain.watch import API_PIPELINE_ID, Audience, ChannelId, Watch, grouped
from bot.ports.cards import Cards
from bot.ports.record_store import RecordStore
from bot.ports.store_errors import StoreAway, StoreRolledBack
from bot.ports.watch_store import Watches, WatchStore

ATTEMPTS = 5
MATCHED_AT_ONCE = 10  # patterns: with 3,000 pipelines about 10 ms

log = structlog.get_logger(__name__)

MakePlan = Callable[[Record, Routing], Plan | None]


@dataclass(frozen=True, slots=True)
class KnownState:
    """What one process knew at one moment."""

    watches: tuple[Watch, ...]
    records: Mapping[PipelineId, Record]
    catalogue: Mapping[PipelineId, Pipeline]


class RepositoryStore(WatchStore, RecordStore, Cards, Protocol):
    """Watches, records and cards."""


class Repository:
    """One workspace's watches, pipelines and records; `wake` is rung when deliveries were written.

    `fallback` is the channel that hears what a channel watches that does not take messages for now.
    """

    def __init__(self, store: RepositoryStore, wake: asyncio.Event, fallback: ChannelId | None = None) -> None:
        self._store = store
        self.team = store.team
        self.watches = Watches(0, ())
        self._wake = wake
        self._fallback = fallback
        self._catalogue: dict[PipelineId, Pipeline] = {}
        self._unlisted: dict[PipelineId, Pipeline] = {}
        """Missing in a complete listing; the bot reads them until their own reads say that they are gone."""
        self._listed_at = float("-inf")
        self._records: dict[PipelineId, Record] = {}
        self._coverage = Coverage()
        self._watchers = Watchers()
        self._watched: frozenset[PipelineId] = frozenset()
        self._labels: dict[str, str] = {}

    # --- knowing ---------------------------------------------------------------------------------------------------

    async def load(self, all_read_since: datetime | None = None) -> None:
        """Everything from the store, as at a start. `all_read_since`: what whoever read before us said last."""
        watches = self._believed(await self._store.watches())
        self._records = self._remembered(await self._store.records())
        self._catalogue = {pipeline.id: pipeline for pipeline in await self._store.catalogue()}
        self.watches = watches
        self._count()
        if all_read_since:
            self._read_again(all_read_since)

    def _remembered(self, stored: Mapping[PipelineId, Record]) -> dict[PipelineId, Record]:
        return {each: remembered(record, self.record(each)) for each, record in stored.items()}

    def _read_again(self, moment: datetime) -> None:
        """What was watched already at that moment; of what somebody came to watch later nothing was said."""
        for each in self.covered_by(watch for watch in self.watches.all if watch.made_at <= moment):
            record = self.record(each)
            self._records[each] = replace(record, state=read_again(record.state, moment))

    @property
    def all_read_since(self) -> datetime | None:
        """What is watched, and read closely, was read since then."""
        return read_since(self.record(each).state for each in self._watched)

    async def refresh_watches(self) -> None:
        """
        Raises:
            StoreRolledBack: the store knows of fewer changes than we do; what we know is kept until that is dealt with.
        """
        if await self._store.watches_version() != self.watches.version:
            self.watches = self._believed(await self._store.watches())
            self._count()

    def _believed(self, watches: Watches) -> Watches:
        if watches.version < self.watches.version:
            raise StoreRolledBack("Redis has forgotten watches")
        return watches

    async def save_catalogue(self, pipelines: Sequence[Pipeline], *, complete_at: float | None = None) -> None:
        """What a listing shows. `complete_at`: when it was begun (monotonic seconds), if it is complete. One that is
        not complete takes nothing away."""
        listed = {pipeline.id: pipeline for pipeline in pipelines}
        await self._match(self._catalogue | self._unlisted | listed)
        known = self._catalogue | self._unlisted
        if complete_at is None:
            self._catalogue = self._catalogue | listed
        else:
            self._catalogue, self._listed_at = listed, complete_at
        missing = known.keys() - self._catalogue.keys()
        self._unlisted = {each: known[each] for each in missing if self._is_worth_reading(each)}
        self._cover()
        await self._store.save_catalogue([*self._catalogue.values(), *self._unlisted.values()])
        for each in sorted(listed.keys() & known.keys()):
            if listed[each] != known[each] and self.record(each).episode:
                await self.write(each, plan_redrawn)

    def _is_worth_reading(self, pipeline_id: PipelineId) -> bool:
        return self.follows(pipeline_id) and self.record(pipeline_id).state.reach is not Reach.GONE

    def lacks(self, pipeline_id: PipelineId, since: float) -> bool:
        """Whether a complete listing, begun at `since` (monotonic seconds) or later, does not show it."""
        return self._listed_at >= since and pipeline_id not in self._catalogue

    def lists(self, pipeline_id: PipelineId) -> bool:
        """Whether a listing has shown it."""
        return pipeline_id in self._catalogue or pipeline_id in self._unlisted

    def learn(self, pipeline: Pipeline) -> None:
        """A fresher word on one pipeline than the last listing had."""
        where = self._unlisted if pipeline.id in self._unlisted else self._catalogue
        where[pipeline.id] = pipeline
        self._cover()

    def unlist(self, pipeline_id: PipelineId) -> None:
        """It is gone: not read again until a listing shows it."""
        self._catalogue.pop(pipeline_id, None)
        self._unlisted.pop(pipeline_id, None)
        self._cover()

    def _count(self) -> None:
        """After the watches changed."""
        self._watchers = Watchers(self.watches.all)
        self._labels = {watch.reference: watch.label for watch in reversed(self.watches.all) if watch.label}
        self._cover()

    def _cover(self) -> None:
        """After the watches or the catalogue changed."""
        self._coverage = self._coverage.after(chain(self._catalogue.values(), self._unlisted.values()))
        self._watched = self._watchers.ids(self._coverage)

    async def _match(self, pipelines: Mapping[PipelineId, Pipeline]) -> None:
        """Matches every pattern with what a listing has changed, before it counts: reads and alerts go in between."""
        coverage = self._coverage.after(pipelines.values())
        for place, pattern in enumerate(self._watchers.patterns):
            coverage.ids(pattern)
            if place % MATCHED_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._coverage = coverage

    @property
    def watched(self) -> frozenset[PipelineId]:
        """What a watch covers, or covered when the open story began: that is told to its end, whatever the pipeline is
        called by then."""
        return self._watched | {each for each in self._records if self._has_story(each)}

    def follows(self, pipeline_id: PipelineId) -> bool:
        """Whether it is in `watched`."""
        return pipeline_id in self._watched or self._has_story(pipeline_id)

    def _has_story(self, pipeline_id: PipelineId) -> bool:
        """True if the channel has a pattern: only a pattern loses a renamed or moved pipeline with an open card."""
        episode = self.record(pipeline_id).episode
        if episode is None or not episode.open or pipeline_id == API_PIPELINE_ID:
            return False
        return not self._watchers.channels_with_patterns.isdisjoint(episode.cards.values())

    def stories_in(self, channel: ChannelId) -> frozenset[PipelineId]:
        """The pipelines whose open story the channel has a card of."""
        episodes = {each: record.episode for each, record in self._records.items() if each != API_PIPELINE_ID}
        return frozenset(each for each, one in episodes.items() if one and one.open and channel in one.cards.values())

    @property
    def open_cards(self) -> dict[str, PipelineId]:
        """The cards of open stories, each with its pipeline."""
        open_ = (record for record in self._records.values() if record.episode and record.episode.open)
        return {key: record.pipeline_id for record in open_ if record.episode for key in record.episode.cards}

    async def redraw(self, pipeline_ids: Iterable[PipelineId]) -> None:
        """Writes the cards of these open stories again."""
        for each in sorted(set(pipeline_ids)):
            await self.write(each, plan_redrawn)

    @property
    def pollable(self) -> frozenset[PipelineId]:
        """The watched ones less those that are gone: they are read again when the listing shows them again."""
        return frozenset(
            each for each in self.watched if each in self._catalogue or self.record(each).state.reach is not Reach.GONE
        )

    @property
    def unlisted(self) -> tuple[Pipeline, ...]:
        """Those that are read though the last complete listing lacks them."""
        return tuple(self._unlisted.values())

    @property
    def catalogue(self) -> tuple[Pipeline, ...]:
        return tuple(self._catalogue.values())

    def pipeline(self, pipeline_id: PipelineId) -> Pipeline:
        """As last listed; a pipeline that never was goes by the name under which it was watched, or its id."""
        known = self._catalogue.get(pipeline_id) or self._unlisted.get(pipeline_id)
        return known or Pipeline(id=pipeline_id, name=self._labels.get(pipeline_id, pipeline_id))

    def named(self, watch: Watch) -> Watch:
        """By the name that its pipeline has now."""
        return watch if watch.pattern else replace(watch, label=self.pipeline(PipelineId(watch.reference)).name)

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(self._records.values())

    def record(self, pipeline_id: PipelineId) -> Record:
        return self._records.get(pipeline_id) or Record(pipeline_id=pipeline_id)

    def routing(self, pipeline: Pipeline) -> Routing:
        return Routing(self.team, pipeline, self._audiences(pipeline), self.guidance(pipeline))

    def guidance(self, pipeline: Pipeline) -> Guidance:
        return guidance(pipeline, self.watches.notes)

    def watches_of(self, pipeline: Pipeline) -> tuple[Watch, ...]:
        """The watches that cover a pipeline, in the order in which they were made."""
        return self._watchers.of(pipeline, self._coverage)

    def _audiences(self, pipeline: Pipeline) -> tuple[Audience, ...]:
        """Each watch counts in the channel where it is heard now."""
        away = self.watches.suspended.keys() if self._fallback not in self.watches.suspended else ()
        return grouped(
            watch.heard_in(self._fallback) if self._fallback and watch.channel in away else watch
            for watch in self.watches_of(pipeline)
        )

    def covered_by(self, watches: Iterable[Watch]) -> frozenset[PipelineId]:
        return Watchers(tuple(watches)).ids(self._coverage)

    def takes_in_any(self, pattern: str) -> bool:
        """Whether a pattern takes in a pipeline that is known."""
        return bool(self._coverage.ids(pattern))

    def in_order(self, watches: Iterable[Watch]) -> list[PipelineId]:
        """The pipelines that these cover, by name."""
        return sorted(self.covered_by(watches), key=lambda each: (self.pipeline(each).name.lower(), each))

    # --- writing ---------------------------------------------------------------------------------------------------

    async def write(self, pipeline_id: PipelineId, make: MakePlan, routing: Routing | None = None) -> Plan | None:
        """Plans on what is known and writes it; plans anew where somebody else wrote in between.

        Raises:
            StoreAway: nothing was written; the same reading or click may be tried again.
        """
        for _ in range(ATTEMPTS):
            record = self.record(pipeline_id)
            plan = make(record, routing or self.routing(self.pipeline(pipeline_id)))
            if plan is None:
                return None
            if not plan.must_be_written:
                self._records[pipeline_id] = plan.record
                return plan
            if await self._store.commit(plan, self.watches.version):
                self._records[pipeline_id] = replace(plan.record, version=plan.record.version + 1)
                if plan.deliveries:
                    self._wake.set()
                return plan
            await self.refresh_watches()
            self._records[pipeline_id] = remembered(await self._store.record(pipeline_id), record)
        raise StoreAway(f"{pipeline_id} was written by others {ATTEMPTS} times in a row")

    async def welcome(self, channels: Iterable[ChannelId] = ()) -> None:
        """Opens the cards of what is wrong already in every channel that has come to watch it, and pages those whom a
        watch names only now."""
        for pipeline_id in sorted(self._watched):
            record = self.record(pipeline_id)
            if record.episode is None or not record.episode.open:
                continue
            those = channels or [each.channel for each in self.routing(self.pipeline(pipeline_id)).audiences]
            for channel in those:
                await self.write(pipeline_id, _opening_in(channel))
                await self.write(pipeline_id, _calling_in(channel))

    async def catch_up(self) -> None:
        """Takes in what another bot has written since. What a store that forgot has older is left for `restore`."""
        await self.refresh_watches()
        versions = await self._store.versions()
        if any(self.record(each).version < version for each, version in versions.items()):
            stored = await self._store.records()
            self._records |= {
                each: remembered(record, self.record(each))
                for each, record in stored.items()
                if self.record(each).version < record.version
            }

    @property
    def known(self) -> KnownState:
        return KnownState(self.watches.all, self._records, self._catalogue | self._unlisted)

    async def restore(self, known: KnownState) -> tuple[Watch, ...]:
        """After the store lost writes: what this process knew better is written again; the watches that are gone.

        A watch may be gone because somebody took it away just then: it is not made again, but told.

        Raises:
            StoreAway: it is done in part, and may be done again with the same knowledge.
        """
        self.watches = await self._store.watches()
        there = {watch.id for watch in self.watches.all}
        stored = await self._store.records()
        self._records = self._remembered(stored)
        self._count()
        for pipeline_id in sorted(known.records.keys() & (self._watched | {API_PIPELINE_ID})):
            record = known.records[pipeline_id]
            was = stored.get(pipeline_id) or Record(pipeline_id=pipeline_id)
            if record.version > was.version:
                await self.write(pipeline_id, _restoring(record))
        self._catalogue, self._unlisted = dict(known.catalogue), {}
        self._cover()
        await self._store.save_catalogue(self.catalogue)
        return tuple(watch for watch in known.watches if watch.id not in there)

    async def forget(
        self, pipeline_ids: Iterable[PipelineId], at: datetime, leaving: Collection[ChannelId] = ()
    ) -> None:
        """Those of these that nobody watches any more: whoever was told of them is told so. Of the others those of the
        conversations `leaving` for which no watch is left."""
        for pipeline_id in sorted(set(pipeline_ids) & self._records.keys()):
            await self.write(pipeline_id, self._forgetting(at, leaving), self.routing(await self._as_told(pipeline_id)))

    async def _as_told(self, pipeline_id: PipelineId) -> Pipeline:
        """As last listed; one that no listing shows by the name on its cards: the watch that gave it may be gone."""
        episode = self.record(pipeline_id).episode
        told = await self._store.cards(tuple(episode.cards)) if episode and pipeline_id not in self._catalogue else {}
        return next((card.content.pipeline for card in told.values()), self.pipeline(pipeline_id))

    def _forgetting(self, at: datetime, leaving: Collection[ChannelId]) -> MakePlan:
        """Looked at anew at each try: somebody may have begun to watch it meanwhile."""

        def make(record: Record, routing: Routing) -> Plan | None:
            heard = record.pipeline_id in self._watched or record.pipeline_id == API_PIPELINE_ID
            now = self.routing(routing.pipeline)
            if not heard:
                return plan_forgotten(record, now, at)
            stay = {watch.channel for watch in self.watches_of(routing.pipeline)}
            return plan_left(record, now, set(leaving) - stay, at)

        return make


def _restoring(record: Record) -> MakePlan:
    return lambda stored, routing: plan_restored(record, stored, routing)


def _opening_in(channel: ChannelId) -> MakePlan:
    return lambda record, routing: plan_newcomer(record, routing, channel)


def _calling_in(channel: ChannelId) -> MakePlan:
    return lambda record, routing: plan_newly_named(record, routing, channel)
