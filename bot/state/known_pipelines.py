"""What this process knows about one workspace: its watches, pipelines and records. Answers from memory, without I/O."""

import asyncio
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from bot.domain.catalogue import Pipeline
from bot.domain.coverage import Coverage, Watchers
from bot.domain.note import Guidance, Note, guidance
from bot.domain.observation import PipelineId
from bot.domain.plan import Record, remembered
from bot.domain.routing import Routing
from bot.domain.transition import PipelineState, Reach
from bot.domain.watch import API_PIPELINE_ID, Audience, ChannelId, TeamId, Watch, grouped
from bot.ports.watch_store import Watches
from bot.state.known_records import KnownRecords
from bot.state.oldest_reading import OldestReading

MATCHED_AT_ONCE = 10  # patterns: with 3,000 pipelines about 10 ms
API_ITSELF = Pipeline(id=API_PIPELINE_ID, name="GoldRush API")


@dataclass(frozen=True, slots=True)
class KnownState:
    """A snapshot of one process's memory, to restore a store that lost writes."""

    watches: tuple[Watch, ...]
    notes: tuple[Note, ...]
    records: Mapping[PipelineId, Record]
    catalogue: Mapping[PipelineId, Pipeline]


@dataclass(frozen=True, slots=True)
class LostWatchesAndNotes:
    """The watches and notes that the store lost. Only people restore them, because someone may have removed them."""

    watches: tuple[Watch, ...]
    notes: tuple[Note, ...]

    def __bool__(self) -> bool:
        return bool(self.watches or self.notes)


class KnownPipelines:
    """Answers which pipelines are watched, which channels watch them, and their states. `Repository` fills it.

    `fallback` is the channel that gets the messages of a suspended channel.
    """

    def __init__(self, team: TeamId, fallback: ChannelId | None) -> None:
        self.team = team
        self.watches = Watches(0, ())
        self._fallback = fallback
        self._catalogue: dict[PipelineId, Pipeline] = {}
        self._unlisted: dict[PipelineId, Pipeline] = {}
        """Missing in a complete listing. The bot polls them until their own reads report them gone."""
        self._listed_at = float("-inf")
        self._records = KnownRecords()
        self._coverage = Coverage()
        self._watchers = Watchers()
        self._watched: frozenset[PipelineId] = frozenset()
        self._pollable: set[PipelineId] = set()
        self.pollable_version = 0
        """Changes with every change of `pollable`."""
        self._oldest_reading = OldestReading(self._closely_read_at)
        self._labels: dict[str, str] = {}

    # --- pipelines -------------------------------------------------------------------------------------------------

    def record(self, pipeline_id: PipelineId) -> Record:
        """The pipeline's record; an empty one if there is none."""
        return self._records.of(pipeline_id)

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(self._records.all.values())

    def _put(self, record: Record) -> None:
        """Stores a record, and updates what follows from it."""
        self._records.put(record)
        self._update_pollable([record.pipeline_id])
        self._oldest_reading.add(record.pipeline_id)

    def note_steady(self, pipeline_id: PipelineId, state: PipelineState) -> None:
        """Stores a newer reading that changed nothing. It stays in memory."""
        self._records.put(replace(self._records.of(pipeline_id), state=state))

    def _put_all(self, records: Iterable[Record], watches: Watches, catalogue: Mapping[PipelineId, Pipeline]) -> None:
        """Replaces everything that this process knows."""
        self._records.replace_all(records)
        self._catalogue, self._unlisted = dict(catalogue), {}
        self.watches = watches
        self._index_watches()
        self._update_pollable(self._watched | self._pollable)
        for pipeline_id in self._watched:
            self._oldest_reading.add(pipeline_id)

    def pipeline(self, pipeline_id: PipelineId) -> Pipeline:
        """As last listed. A pipeline that was never listed gets its name from its watch, or its id."""
        if pipeline_id == API_PIPELINE_ID:
            return API_ITSELF
        known = self._catalogue.get(pipeline_id) or self._unlisted.get(pipeline_id)
        return known or Pipeline(id=pipeline_id, name=self._labels.get(pipeline_id, pipeline_id))

    def named(self, watch: Watch) -> Watch:
        """The watch with its pipeline's current name."""
        return watch if watch.pattern else replace(watch, label=self.pipeline(PipelineId(watch.reference)).name)

    @property
    def catalogue(self) -> tuple[Pipeline, ...]:
        return tuple(self._catalogue.values())

    @property
    def unlisted(self) -> tuple[Pipeline, ...]:
        """Pipelines that the bot reads although the last complete listing lacks them."""
        return tuple(self._unlisted.values())

    def lists(self, pipeline_id: PipelineId) -> bool:
        """True if a listing has shown it."""
        return pipeline_id in self._catalogue or pipeline_id in self._unlisted

    def lacks(self, pipeline_id: PipelineId, since: float) -> bool:
        """True if a complete listing that began at `since` (monotonic seconds) or later does not show it."""
        return self._listed_at >= since and pipeline_id not in self._catalogue

    def learn(self, pipeline: Pipeline) -> None:
        """Stores a pipeline object that is fresher than the last listing."""
        listing = self._unlisted if pipeline.id in self._unlisted else self._catalogue
        listing[pipeline.id] = pipeline
        self._cover()
        self._update_pollable([pipeline.id])

    def unlist(self, pipeline_id: PipelineId) -> None:
        """The pipeline is gone: the bot does not poll it until a listing shows it again."""
        self._catalogue.pop(pipeline_id, None)
        self._unlisted.pop(pipeline_id, None)
        self._cover()
        self._update_pollable([pipeline_id])

    def _take_listing(self, listed: Mapping[PipelineId, Pipeline], complete_at: float | None) -> None:
        known = self._catalogue | self._unlisted
        if complete_at is None:
            self._catalogue = self._catalogue | dict(listed)
        else:
            self._catalogue, self._listed_at = dict(listed), complete_at
        missing = known.keys() - self._catalogue.keys()
        self._unlisted = {
            pipeline_id: known[pipeline_id] for pipeline_id in missing if self._is_worth_reading(pipeline_id)
        }
        self._cover()
        self._update_pollable(known.keys() ^ self._catalogue.keys())

    def _is_worth_reading(self, pipeline_id: PipelineId) -> bool:
        return self.follows(pipeline_id) and self.record(pipeline_id).state.reach is not Reach.GONE

    def _read_again(self, moment: datetime) -> None:
        """Counts the pipelines watched at that moment as read then. The heartbeat does not cover later watches."""
        for pipeline_id in self.covered_by(watch for watch in self.watches.all if watch.made_at <= moment):
            self._records.read_again(pipeline_id, moment)

    @property
    def all_read_since(self) -> datetime | None:
        """The bot has read all closely watched pipelines since then."""
        return self._oldest_reading.find()

    def _closely_read_at(self, pipeline_id: PipelineId) -> datetime | None:
        return self._records.read_at(pipeline_id) if pipeline_id in self._watched else None

    def _remembered(self, stored: Mapping[PipelineId, Record]) -> list[Record]:
        return [remembered(record, self.record(pipeline_id)) for pipeline_id, record in stored.items()]

    @property
    def known(self) -> KnownState:
        records = dict(self._records.all)
        return KnownState(self.watches.all, self.watches.notes, records, self._catalogue | self._unlisted)

    # --- watched pipelines -----------------------------------------------------------------------------------------

    @property
    def watched(self) -> frozenset[PipelineId]:
        """Pipelines that a watch covers, or covered when their open episode began.

        The bot follows an episode to its end even if the pipeline gets another name.
        """
        return self._watched | {pipeline_id for pipeline_id in self._records.open if self._is_followed(pipeline_id)}

    def follows(self, pipeline_id: PipelineId) -> bool:
        """True if it is in `watched`."""
        return pipeline_id in self._watched or self._is_followed(pipeline_id)

    def _is_followed(self, pipeline_id: PipelineId) -> bool:
        """True if an open card is in a channel with a pattern: a rename can take a pipeline out of its pattern."""
        record = self._records.open.get(pipeline_id)
        if record is None or record.episode is None or pipeline_id == API_PIPELINE_ID:
            return False
        return not self._watchers.channels_with_patterns.isdisjoint(record.episode.cards.values())

    @property
    def pollable(self) -> AbstractSet[PipelineId]:
        """The watched pipelines, except gone ones. The bot reads those again after a listing shows them.

        Always the same set, kept up to date. `pollable_version` shows that it has changed.
        """
        return self._pollable

    def _is_pollable(self, pipeline_id: PipelineId) -> bool:
        if not self.follows(pipeline_id):
            return False
        return pipeline_id in self._catalogue or self.record(pipeline_id).state.reach is not Reach.GONE

    def _update_pollable(self, pipeline_ids: Iterable[PipelineId]) -> None:
        """Updates `pollable` after a change of these pipelines, of their records or of their watches."""
        for pipeline_id in pipeline_ids:
            if self._is_pollable(pipeline_id) == (pipeline_id in self._pollable):
                continue
            self._pollable.symmetric_difference_update({pipeline_id})
            self.pollable_version += 1

    def open_episodes_in(self, channel: ChannelId) -> frozenset[PipelineId]:
        """The pipelines whose open episode has a card in the channel."""
        return frozenset(
            pipeline_id
            for pipeline_id, record in self._records.open.items()
            if record.episode and channel in record.episode.cards.values() and pipeline_id != API_PIPELINE_ID
        )

    @property
    def open_cards(self) -> dict[str, PipelineId]:
        """The cards of open episodes, each with its pipeline."""
        return {
            key: pipeline_id
            for pipeline_id, record in self._records.open.items()
            if record.episode
            for key in record.episode.cards
        }

    def _index_watches(self) -> None:
        """Updates the indexes after a change of the watches."""
        self._watchers = Watchers(self.watches.all)
        self._labels = {watch.reference: watch.label for watch in reversed(self.watches.all) if watch.label}
        self._cover()
        self._update_pollable(self._records.open)  # a channel may have got its first pattern, or lost its last one

    def _cover(self) -> None:
        """Updates the coverage after a change of the watches or the catalogue."""
        before = self._watched
        self._coverage = self._coverage.updated(chain(self._catalogue.values(), self._unlisted.values()))
        self._watched = self._watchers.ids(self._coverage)
        changed = self._watched ^ before
        self._update_pollable(changed)
        for pipeline_id in changed:
            self._oldest_reading.add(pipeline_id)

    async def _match(self, pipelines: Mapping[PipelineId, Pipeline]) -> None:
        """Matches every pattern against a new listing before it takes effect, with pauses for reads and alerts."""
        coverage = self._coverage.updated(pipelines.values())
        for position, pattern in enumerate(self._watchers.patterns):
            coverage.ids(pattern)
            if position % MATCHED_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._coverage = coverage

    # --- watchers --------------------------------------------------------------------------------------------------

    def watches_of(self, pipeline: Pipeline) -> tuple[Watch, ...]:
        """The watches that cover a pipeline, oldest first."""
        return self._watchers.watches_of(pipeline, self._coverage)

    def covered_by(self, watches: Iterable[Watch]) -> frozenset[PipelineId]:
        """The pipelines that these watches cover."""
        return Watchers(tuple(watches)).ids(self._coverage)

    def matches_any(self, pattern: str) -> bool:
        """True if the pattern matches a known pipeline."""
        return bool(self._coverage.ids(pattern))

    def in_order(self, watches: Iterable[Watch]) -> list[PipelineId]:
        """The pipelines that these watches cover, by name."""
        return sorted(
            self.covered_by(watches), key=lambda pipeline_id: (self.pipeline(pipeline_id).name.lower(), pipeline_id)
        )

    def routing(self, pipeline: Pipeline) -> Routing:
        """Who hears about this pipeline now, and the notes for them."""
        return Routing(self.team, pipeline, self._audiences(pipeline), self.guidance(pipeline))

    def guidance(self, pipeline: Pipeline) -> Guidance:
        return guidance(pipeline, self.watches.notes)

    def _audiences(self, pipeline: Pipeline) -> tuple[Audience, ...]:
        """Groups the watches by the channel that gets their messages now: a suspended one's go to the fallback."""
        suspended = self.watches.suspended.keys() if self._fallback not in self.watches.suspended else ()
        return grouped(
            watch.redirected_to(self._fallback) if self._fallback and watch.channel in suspended else watch
            for watch in self.watches_of(pipeline)
        )
