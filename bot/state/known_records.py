"""The records that one process knows, with an index of the open episodes. Pure."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from bot.domain.episode import Episode
from bot.domain.observation import PipelineId, ReadSequence
from bot.domain.plan import Record
from bot.domain.transition import PipelineState, Reach, is_plainly_healthy, is_read_closely, is_unread, read_again
from bot.state.chain_cards import ChainCards

MOST_STEADY = 20_000  # readings beside their records: each takes 300 bytes
NO_STATE = PipelineState()


class _SteadyReading(NamedTuple):
    at: datetime
    sequence: ReadSequence


class KnownRecords:
    """Each pipeline's record. A change costs the same for ten pipelines and for 100,000."""

    def __init__(self) -> None:
        self._all: dict[PipelineId, Record] = {}
        self._open: dict[PipelineId, Record] = {}
        self._gone: set[PipelineId] = set()
        self._unhealthy: set[PipelineId] = set()
        self._with_held_news: set[PipelineId] = set()
        self._unread: set[PipelineId] = set()
        """Those whose record has no reading."""
        self._steady: dict[PipelineId, _SteadyReading] = {}
        """Readings later than the record, which changed nothing else. Most are replaced before anybody asks."""
        self._counted_at: datetime | None = None
        """Then or later, an earlier leader read all pipelines that are read closely, except `_not_counted`."""
        self._not_counted: AbstractSet[PipelineId] = frozenset()
        self._latest_epoch = 0
        """Of all records so far."""
        self._timers: dict[PipelineId, datetime] = {}
        """When the timers of open pages are due."""
        self.chain_cards = ChainCards()

    def of(self, pipeline_id: PipelineId) -> Record:
        """The pipeline's record; an empty one if there is none."""
        if pipeline_id in self._steady:
            self._take_in(pipeline_id)
        record = self._all.get(pipeline_id)
        if record is None:
            return Record(pipeline_id=pipeline_id)
        counted_at = self._counted(pipeline_id, record.state)
        if counted_at is None:
            return record
        read = replace(record, state=read_again(record.state, counted_at))
        self.put(read)
        return read

    @property
    def ids(self) -> AbstractSet[PipelineId]:
        return self._all.keys()

    @property
    def all(self) -> Mapping[PipelineId, Record]:
        for pipeline_id in tuple(self._all if self._counted_at else self._steady):
            self.of(pipeline_id)
        return self._all

    @property
    def latest_epoch(self) -> int:
        """Of all readings; 0 without one."""
        steady = max((reading.sequence.epoch for reading in self._steady.values()), default=0)
        return max(steady, self._latest_epoch)

    @property
    def open(self) -> Mapping[PipelineId, Record]:
        """The records whose episode is open."""
        return self._open

    def due(self, at: datetime) -> list[PipelineId]:
        """The pipelines whose timers are due, the longest overdue first."""
        due = [(moment, pipeline_id) for pipeline_id, moment in self._timers.items() if moment <= at]
        return [pipeline_id for _, pipeline_id in sorted(due)]

    # --- steady readings -------------------------------------------------------------------------------------------

    def state_but_time(self, pipeline_id: PipelineId) -> PipelineState:
        """The state, except that its observation may have an older time and sequence. Costs less than `of`."""
        record = self._all.get(pipeline_id)
        return record.state if record else NO_STATE

    def as_stored(self, pipeline_id: PipelineId) -> Record | None:
        """The record, without the steady readings since. None: there is none."""
        return self._all.get(pipeline_id)

    def episode(self, pipeline_id: PipelineId) -> Episode | None:
        """The current episode, or the last one. Costs less than `of`."""
        record = self._all.get(pipeline_id)
        return record.episode if record else None

    def sequence(self, pipeline_id: PipelineId) -> ReadSequence:
        """The sequence of the latest reading."""
        steady = self._steady.get(pipeline_id)
        return steady.sequence if steady else self.state_but_time(pipeline_id).sequence

    def note_steady(self, pipeline_id: PipelineId, at: datetime, sequence: ReadSequence) -> None:
        """The pipeline was read again, and nothing has changed."""
        self._steady[pipeline_id] = _SteadyReading(at, sequence)
        if pipeline_id in self._open:
            self._take_in(pipeline_id)
        elif len(self._steady) > MOST_STEADY:
            self._take_in(next(iter(self._steady)))

    def _take_in(self, pipeline_id: PipelineId) -> None:
        at, sequence = self._steady.pop(pipeline_id)
        record = self._all[pipeline_id]
        if observation := record.state.observation:
            latest = replace(observation, observed_at=at, sequence=sequence)
            self.put(replace(record, state=replace(record.state, observation=latest, sequence=sequence)))

    # --- changes ---------------------------------------------------------------------------------------------------

    @property
    def gone(self) -> AbstractSet[PipelineId]:
        """The pipelines that GoldRush no longer has."""
        return self._gone

    @property
    def unhealthy(self) -> AbstractSet[PipelineId]:
        """The pipelines whose state may need attention."""
        return self._unhealthy

    @property
    def with_held_news(self) -> AbstractSet[PipelineId]:
        """The pipelines of which silences hold back news or pages."""
        return self._with_held_news

    def unread(self, pipeline_ids: AbstractSet[PipelineId]) -> int:
        """How many of these have no recorded reading."""
        return len(set(pipeline_ids).difference(self._all)) + len(self._unread & pipeline_ids)

    def put(self, record: Record) -> None:
        pipeline_id, state = record.pipeline_id, record.state
        self._all[pipeline_id] = record
        self._latest_epoch = max(self._latest_epoch, state.sequence[0])
        self._steady.pop(pipeline_id, None)
        if record.episode is not None and record.episode.open:
            self._open[pipeline_id] = record
        else:
            self._open.pop(pipeline_id, None)
        if (due := record.next_at) is not None:
            self._timers[pipeline_id] = due
        else:
            self._timers.pop(pipeline_id, None)
        self.chain_cards.put(record)
        (self._gone.add if state.reach is Reach.GONE else self._gone.discard)(pipeline_id)
        (self._unread.add if is_unread(state) else self._unread.discard)(pipeline_id)
        (self._with_held_news.add if record.is_held_back else self._with_held_news.discard)(pipeline_id)
        (self._unhealthy.discard if is_plainly_healthy(state) else self._unhealthy.add)(pipeline_id)

    def replace_all(self, records: Iterable[Record]) -> None:
        self._all, self._open, self._steady, self._timers = {}, {}, {}, {}
        self._gone, self._unhealthy, self._unread, self._with_held_news = set(), set(), set(), set()
        self.chain_cards = ChainCards()
        self._counted_at, self._not_counted, self._latest_epoch = None, frozenset(), 0
        for record in records:
            self.put(record)

    def last_read_at(self, pipeline_id: PipelineId) -> datetime | None:
        """The time of the last reading. None: there was none."""
        return self._read_at(pipeline_id, self.state_but_time(pipeline_id))

    def read_at(self, pipeline_id: PipelineId) -> datetime | None:
        """The time of the last reading of a closely read pipeline; None for the others."""
        state = self.state_but_time(pipeline_id)
        return self._read_at(pipeline_id, state) if is_read_closely(state) else None

    def _read_at(self, pipeline_id: PipelineId, state: PipelineState) -> datetime | None:
        if state.observation is None:
            return None
        steady = self._steady.get(pipeline_id)
        at = steady.at if steady else state.observation.observed_at
        if self._counted_at is None or at >= self._counted_at:
            return at
        return self._counted(pipeline_id, state) or at

    def count_as_read(self, moment: datetime, not_counted: AbstractSet[PipelineId]) -> None:
        """Counts the closely read pipelines, except `not_counted`, as read at `moment`. Forgets an earlier call.

        It changes each record when somebody asks for it: changing all at once would hold up the event loop.
        """
        self._counted_at, self._not_counted = moment, not_counted
        for pipeline_id in tuple(self._open):
            self.of(pipeline_id)

    def _counted(self, pipeline_id: PipelineId, state: PipelineState) -> datetime | None:
        """The time at which the pipeline counts as read, if that is later than the reading in its record."""
        counted_at, observation = self._counted_at, state.observation
        if counted_at is None or observation is None or observation.observed_at >= counted_at:
            return None
        return counted_at if is_read_closely(state) and pipeline_id not in self._not_counted else None
