"""What this process knows about one workspace: its watches, pipelines and records. Answers from memory, without I/O.

Nothing here walks over all pipelines, except answers that are about all of them.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from heapq import merge

from bot.domain.catalogue import Pipeline, comparable, is_pattern, matches
from bot.domain.delivery import ReceiverKind
from bot.domain.deployment_plan import is_unsettled
from bot.domain.episode import MOST_CONFIRMED, Episode
from bot.domain.flap_story import is_to_be_redrawn
from bot.domain.flapping import DEFAULT_WINDOW, FlapWindow
from bot.domain.name_index import NameIndex, order
from bot.domain.note import Guidance, guidance
from bot.domain.observation import PipelineId, ReadSequence
from bot.domain.plan import Record, remembered
from bot.domain.routing import Routing
from bot.domain.transition import PipelineState, Reach
from bot.domain.watch import API_PIPELINE_ID, Audience, ChannelId, TeamId, Watch, grouped
from bot.ports.watch_store import WatchChanges, Watches
from bot.state.known_catalogue import KnownCatalogue
from bot.state.known_records import KnownRecords
from bot.state.known_state import KnownState
from bot.state.known_watches import KnownWatches, oldest_first
from bot.state.oldest_reading import OldestReading
from bot.state.polled_set import PolledSet

API_ITSELF = Pipeline(id=API_PIPELINE_ID, name="GoldRush API")


class KnownPipelines:
    """Answers which pipelines are watched, which channels watch them, and their states. `Repository` fills it.

    `fallback` is the channel that gets the messages of a suspended channel. `operator` is the channel for the person
    who runs the bot. `pagers` are the configured ones, by name. `flap_window` says when a pipeline flaps.
    `chat_url` is the address of the workspace.
    """

    def __init__(
        self,
        team: TeamId,
        fallback: ChannelId | None,
        operator: ChannelId | None = None,
        pagers: Mapping[str, ReceiverKind] | None = None,
        *,
        flap_window: FlapWindow = DEFAULT_WINDOW,
        chat_url: str = "",
    ) -> None:
        self.team = team
        self._chat_url = chat_url
        self._operator = operator
        self._pagers = pagers or {}
        self._flap_window = flap_window
        self.pager_names = frozenset(self._pagers)
        self.watches = KnownWatches()
        self._fallback = fallback
        self._catalogue = KnownCatalogue()
        self._listed_at: float | None = None
        """When the last complete listing began, in monotonic seconds. None: this process has none."""
        self._records = KnownRecords()
        self._polled = PolledSet()
        self._unsettled: set[PipelineId] = set()
        self._oldest_reading = OldestReading(self._closely_read_at, lambda: self._polled.watched & self._records.ids)

    # --- records ---------------------------------------------------------------------------------------------------

    def record(self, pipeline_id: PipelineId) -> Record:
        """The pipeline's record; an empty one if there is none."""
        return self._records.of(pipeline_id)

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(self._records.all.values())

    def due(self, at: datetime) -> list[PipelineId]:
        """The pipelines whose timers are due, the longest overdue first."""
        return self._records.due(at)

    @property
    def latest_epoch(self) -> int:
        """The last epoch in which a leader read any pipeline; 0 if nobody has."""
        return self._records.latest_epoch

    @property
    def unhealthy(self) -> AbstractSet[PipelineId]:
        """The pipelines whose recorded state may need attention."""
        return self._records.unhealthy

    def unread(self, pipeline_ids: AbstractSet[PipelineId]) -> int:
        """How many of these have no recorded reading."""
        return self._records.unread(pipeline_ids)

    @property
    def known(self) -> KnownState:
        records = dict(self._records.all)
        return KnownState(
            self.watches.all, self.watches.notes, self.watches.setup.rows, records, self._catalogue.everything()
        )

    def has_open_episode(self, pipeline_id: PipelineId) -> bool:
        return pipeline_id in self._records.open

    @property
    def with_held_news(self) -> AbstractSet[PipelineId]:
        """The pipelines of which silences hold back news or pages."""
        return self._records.with_held_news

    @property
    def open_in_silent_channels(self) -> frozenset[PipelineId]:
        """The pipelines whose open episode has a card in a channel that has silences."""
        silent = {silence.made_in for silence in self.watches.silences.all}
        return frozenset(
            pipeline_id
            for pipeline_id, record in self._records.open.items()
            if record.episode and not silent.isdisjoint(record.episode.cards.values())
        )

    @property
    def open_episodes(self) -> tuple[Episode, ...]:
        return tuple(record.episode for record in self._records.open.values() if record.episode)

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

    @property
    def all_read_since(self) -> datetime | None:
        """The bot has read all closely watched pipelines since then."""
        return self._oldest_reading.find()

    def _closely_read_at(self, pipeline_id: PipelineId) -> datetime | None:
        return self._records.read_at(pipeline_id) if pipeline_id in self._polled.watched else None

    def _remembered(self, stored: Mapping[PipelineId, Record]) -> list[Record]:
        return [remembered(record, self.record(pipeline_id)) for pipeline_id, record in stored.items()]

    def count_as_read(self, moment: datetime) -> None:
        """Counts the pipelines watched at that moment as read then. Later watches are not in the heartbeat.

        The store holds no steady readings, so another bot does not have the leader's.
        """
        unwatched = {pipeline_id for pipeline_id in self._records.ids if pipeline_id not in self._polled.watched}
        self._records.count_as_read(moment, unwatched | self._watched_only_after(moment))
        self._oldest_reading.reset()

    def _watched_only_after(self, moment: datetime) -> set[PipelineId]:
        """The pipelines that no watch covered at that moment. Costs what the later watches cover, not what all do."""
        later = set(self.watches.made_after(moment))
        if not later:
            return set()
        earlier_patterns = {
            pattern
            for pattern in self.watches.patterns
            if any(watch not in later for watch in self.watches.of_patterns([pattern]))
        }
        found = self.covered_by(later) - self._catalogue.patterns.ids_of_any(earlier_patterns)
        return {one for one in found if all(watch in later for watch in self.watches.of_pipeline(one))}

    def _put(self, record: Record) -> None:
        """Stores a record, and updates what follows from it."""
        self._records.put(record)
        self._update_unsettled(record.pipeline_id)
        self._update_polled(record.pipeline_id)
        self._oldest_reading.add(record.pipeline_id)

    @property
    def unsettled(self) -> AbstractSet[PipelineId]:
        """The pipelines of which passing time alone may bring news."""
        return self._unsettled

    def _update_unsettled(self, pipeline_id: PipelineId) -> None:
        record = self._records.as_stored(pipeline_id)
        unsettled = record is not None and is_unsettled(record, self.pipeline(pipeline_id))
        (self._unsettled.add if unsettled else self._unsettled.discard)(pipeline_id)

    def state_but_time(self, pipeline_id: PipelineId) -> PipelineState:
        """The state, except that its observation may have an older time and sequence. Costs less than `record`."""
        return self._records.state_but_time(pipeline_id)

    def episode(self, pipeline_id: PipelineId) -> Episode | None:
        """The current episode, or the last one."""
        return self._records.episode(pipeline_id)

    def sequence(self, pipeline_id: PipelineId) -> ReadSequence:
        """The sequence of the latest reading."""
        return self._records.sequence(pipeline_id)

    def last_read_at(self, pipeline_id: PipelineId) -> datetime | None:
        """The time of the latest reading. None: there was none."""
        return self._records.last_read_at(pipeline_id)

    def note_steady(self, pipeline_id: PipelineId, at: datetime, sequence: ReadSequence) -> None:
        """The pipeline was read again, and nothing has changed. The reading stays in memory."""
        self._records.note_steady(pipeline_id, at, sequence)

    def _put_all(self, records: Iterable[Record], watches: Watches, catalogue: Mapping[PipelineId, Pipeline]) -> None:
        """Replaces everything that this process knows."""
        self._records.replace_all(records)
        self._catalogue.replace_all(catalogue)
        self._replace_watches(watches)
        self._oldest_reading.reset()
        self._unsettled.clear()
        for pipeline_id in self._records.ids:
            self._update_unsettled(pipeline_id)

    # --- pipelines -------------------------------------------------------------------------------------------------

    def pipeline(self, pipeline_id: PipelineId) -> Pipeline:
        """As last listed. A pipeline that was never listed gets its name from its watch, or its id."""
        if pipeline_id == API_PIPELINE_ID:
            return API_ITSELF
        known = self._catalogue.get(pipeline_id)
        return known or Pipeline(id=pipeline_id, name=self._label(pipeline_id))

    def _label(self, pipeline_id: PipelineId) -> str:
        labels = (watch.label for watch in oldest_first(self.watches.of_pipeline(pipeline_id)))
        return next(filter(None, labels), pipeline_id)

    def named(self, watch: Watch) -> Watch:
        """The watch with its pipeline's current name."""
        return watch if watch.pattern else replace(watch, label=self.pipeline(PipelineId(watch.reference)).name)

    @property
    def listed(self) -> NameIndex:
        """The listed pipelines, by id and by name."""
        return self._catalogue.listed

    @property
    def catalogue(self) -> tuple[Pipeline, ...]:
        return tuple(self._catalogue.listed.values())

    @property
    def unlisted(self) -> tuple[Pipeline, ...]:
        """Pipelines that the bot reads although the last complete listing lacks them."""
        return tuple(self._catalogue.unlisted.values())

    @property
    def bounded(self) -> AbstractSet[PipelineId]:
        """The known pipelines with an end block. The set changes with the listings."""
        return self._catalogue.bounded

    def lists(self, pipeline_id: PipelineId) -> bool:
        """True if a listing has shown it."""
        return pipeline_id in self._catalogue

    def waits_for_reading(self, pipeline_id: PipelineId, at: datetime) -> bool:
        """True if a reading at this time has news even if it shows the same state as the last one."""
        record = self._records.as_stored(pipeline_id)
        if record and record.unjudged_stop:
            return True
        if record is None or record.episode is None or not record.episode.open:
            return False
        if is_to_be_redrawn(record.episode, at):
            return True
        if record.episode.flapping:
            return not self._flap_window.is_flapping(record.flap, at, before=True)
        covering = self._covering(self.pipeline(pipeline_id)) if record.episode.waits_for(MOST_CONFIRMED) else ()
        return any(record.episode.waits_for(watch.confirm) for watch in covering)

    def lacks(self, pipeline_id: PipelineId, since: float) -> bool:
        """True if a complete listing that began at `since` (monotonic seconds) or later does not show it."""
        listed_since = self._listed_at is not None and self._listed_at >= since
        return listed_since and pipeline_id not in self._catalogue.listed

    def learn(self, pipeline: Pipeline) -> None:
        """Stores a pipeline object that is fresher than the last listing."""
        self._catalogue.learn(pipeline)
        self._update_watched([pipeline.id])

    def unlist(self, pipeline_id: PipelineId) -> None:
        """The pipeline is gone: the bot does not poll it until a listing shows it again."""
        self._catalogue.remove(pipeline_id)
        self._update_watched([pipeline_id])

    def _take_page(self, pipelines: Iterable[Pipeline]) -> list[PipelineId]:
        """Stores pipelines that a listing shows. Returns those that are new, or not as known."""
        changed = self._catalogue.show(pipelines)
        self._update_watched(changed)
        return changed

    def _end_listing(
        self, listed: AbstractSet[PipelineId], absent: AbstractSet[PipelineId], complete_at: float | None
    ) -> None:
        """A listing has ended. Drops the `absent` pipelines, and those that a complete listing lacks. Keeps those that
        the bot polls."""
        missing = (set(self._catalogue.unlisted) - listed) | (self._catalogue.listed.keys() & absent)
        if complete_at is not None:
            missing |= self._catalogue.listed.keys() - listed
            self._listed_at = complete_at
        dropped = [pipeline_id for pipeline_id in missing if not self._is_worth_reading(pipeline_id)]
        for pipeline_id in missing.difference(dropped, self._catalogue.unlisted):
            self._catalogue.hide(pipeline_id)
        for pipeline_id in dropped:
            self._catalogue.remove(pipeline_id)
        self._update_watched(missing)

    def _is_worth_reading(self, pipeline_id: PipelineId) -> bool:
        return self.follows(pipeline_id) and self.record(pipeline_id).state.reach is not Reach.GONE

    # --- watched pipelines -----------------------------------------------------------------------------------------

    @property
    def watched(self) -> frozenset[PipelineId]:
        """Pipelines that a watch covers, or covered when their open episode began.

        The bot follows an episode to its end even if the pipeline gets another name.
        """
        return self._followed().union(self._polled.watched)

    def follows(self, pipeline_id: PipelineId) -> bool:
        """True if it is in `watched`."""
        return pipeline_id in self._polled.watched or self._is_followed(pipeline_id)

    def _followed(self) -> frozenset[PipelineId]:
        return frozenset(pipeline_id for pipeline_id in self._records.open if self._is_followed(pipeline_id))

    def _is_followed(self, pipeline_id: PipelineId) -> bool:
        """True if an open card is in a channel with a pattern: a rename can take a pipeline out of its pattern."""
        record = self._records.open.get(pipeline_id)
        if record is None or record.episode is None or pipeline_id == API_PIPELINE_ID:
            return False
        return not self.watches.channels_with_patterns.isdisjoint(record.episode.cards.values())

    @property
    def pollable(self) -> AbstractSet[PipelineId]:
        """The watched pipelines, except gone ones. The bot reads those again after a listing shows them.

        Always the same set, kept up to date. `pollable_version` shows that it has changed.
        """
        return self._polled.polled

    @property
    def pollable_version(self) -> int:
        return self._polled.version

    def _update_watched(self, pipeline_ids: Iterable[PipelineId]) -> None:
        """Updates the watched and polled pipelines after a change of these pipelines or of their watches."""
        for pipeline_id in pipeline_ids:
            self._update_unsettled(pipeline_id)
            self._polled.set_watched(pipeline_id, watched=self._is_watched(pipeline_id))
            self._update_polled(pipeline_id)
            self._oldest_reading.add(pipeline_id)

    def _is_watched(self, pipeline_id: PipelineId) -> bool:
        if pipeline_id in self.watches.pipelines:
            return True
        known = self._catalogue.get(pipeline_id)
        return known is not None and bool(self._catalogue.patterns.covering(known))

    def _update_polled(self, pipeline_id: PipelineId) -> None:
        polled = self.follows(pipeline_id) and not self._is_gone(pipeline_id)
        self._polled.set_polled(pipeline_id, polled=polled)

    def _is_gone(self, pipeline_id: PipelineId) -> bool:
        return pipeline_id in self._records.gone and pipeline_id not in self._catalogue.listed

    # --- watches ---------------------------------------------------------------------------------------------------

    def _replace_watches(self, watches: Watches) -> None:
        """Forgets all watches, and takes these."""
        self.watches.replace(watches)
        for pattern in set(self._catalogue.patterns) - self.watches.patterns:
            self._catalogue.patterns.remove(pattern)
        watched = set(self.watches.pipelines).union(*map(self._catalogue.patterns.add, self.watches.patterns))
        self._polled.unwatch_all(self._polled.watched - watched, ())
        self._watch_all(watched)
        for pipeline_id in [*self._polled.polled - watched, *self._records.open, *self._records.gone]:
            self._update_polled(pipeline_id)

    def _apply_watches(self, changes: WatchChanges) -> None:
        """Takes the changed watches. Costs what they cover, not what all cover."""
        touched = self.watches.apply(changes)
        for watch in touched:
            if not watch.pattern:
                self._update_watched([PipelineId(watch.reference)])
        for pattern in {comparable(watch.reference) for watch in touched if watch.pattern}:
            self._follow_pattern(pattern)
        for pipeline_id in self._records.open:  # a channel may have got its first pattern, or lost its last one
            self._update_polled(pipeline_id)

    def _follow_pattern(self, pattern: str) -> None:
        """A watch of the pattern has begun or ended."""
        patterns = self._catalogue.patterns
        if pattern in self.watches.patterns:
            self._watch_all(patterns.add(pattern))
        elif pattern in set(patterns):
            ended = set(patterns.remove(pattern)).difference(self.watches.pipelines, *map(patterns.ids, patterns))
            self._polled.unwatch_all(ended, self._followed())

    def _watch_all(self, pipeline_ids: AbstractSet[PipelineId]) -> None:
        unpolled = (pipeline_id for pipeline_id in self._records.gone if self._is_gone(pipeline_id))
        for pipeline_id in self._polled.watch_all(pipeline_ids, unpolled) & self._records.ids:
            self._oldest_reading.add(pipeline_id)

    def watches_of(self, pipeline: Pipeline) -> tuple[Watch, ...]:
        """The watches that cover a pipeline, oldest first."""
        return oldest_first(self._covering(pipeline))

    def is_watched_in(self, channel: ChannelId, pipeline: Pipeline) -> bool:
        """True if a watch of this channel covers the pipeline."""
        return any(watch.channel == channel for watch in self._covering(pipeline))

    def _covering(self, pipeline: Pipeline) -> tuple[Watch, ...]:
        by_pattern = self.watches.of_patterns(self._catalogue.patterns.covering(pipeline))
        return (*self.watches.of_pipeline(pipeline.id), *by_pattern)

    def covered_by(self, watches: Iterable[Watch]) -> frozenset[PipelineId]:
        """The pipelines that these watches cover."""
        watches = tuple(watches)
        patterns = {watch.reference for watch in watches if watch.pattern}
        named = (PipelineId(watch.reference) for watch in watches if not watch.pattern)
        return self._catalogue.patterns.ids_of_any(patterns).union(named)

    def referenced(self, reference: str) -> AbstractSet[PipelineId]:
        """The known pipelines that a reference names: one id, or those that match a pattern."""
        if not is_pattern(reference):
            return {PipelineId(reference)}
        unlisted = (pipeline.id for pipeline in self.unlisted if matches(reference, pipeline))
        return self._catalogue.listed.matching(comparable(reference)).union(unlisted)

    def matches_any(self, pattern: str) -> bool:
        """True if the pattern matches a known pipeline."""
        return bool(self._catalogue.patterns.ids(pattern))

    def in_order(self, watches: Iterable[Watch]) -> list[PipelineId]:
        """The pipelines that these watches cover, by name."""
        return self.by_name(self.covered_by(watches))

    def by_name(self, pipeline_ids: AbstractSet[PipelineId]) -> list[PipelineId]:
        """These pipelines, sorted by name."""
        listed = self._catalogue.listed.sorted(pipeline_ids)
        if len(listed) == len(pipeline_ids):
            return listed
        others = (self.pipeline(pipeline_id) for pipeline_id in pipeline_ids - set(listed))
        return [pipeline.id for pipeline in merge(map(self.pipeline, listed), sorted(others, key=order), key=order)]

    # --- routing ---------------------------------------------------------------------------------------------------

    def routing(self, pipeline: Pipeline) -> Routing:
        """Who hears about this pipeline now, the notes for them, and the setup."""
        of_api = pipeline.id == API_PIPELINE_ID  # no watch covers it: `OutageNotices` knows who hears of an outage
        audiences, setup = () if of_api else self._audiences(pipeline), self.watches.setup
        silences = self.watches.silences.of(pipeline, audiences)
        return Routing(
            self.team,
            pipeline,
            audiences,
            self.guidance(pipeline),
            setup,
            silences,
            operator=self._operator,
            pagers=self._pagers,
            flap_window=self._flap_window,
            chat_url=self._chat_url,
            chain_cards=self._records.chain_cards.of_others(pipeline.id),
        )

    def guidance(self, pipeline: Pipeline) -> Guidance:
        return guidance(pipeline, self.watches.notes)

    def _audiences(self, pipeline: Pipeline) -> tuple[Audience, ...]:
        """Groups the watches by the channel that gets their messages now: a suspended one's go to the fallback."""
        suspended = self.watches.suspended.keys() if self._fallback not in self.watches.suspended else ()
        return grouped(
            watch.redirected_to(self._fallback) if self._fallback and watch.channel in suspended else watch
            for watch in self.watches_of(pipeline)
        )
