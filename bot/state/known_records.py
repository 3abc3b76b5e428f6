"""The records that one process knows, with an index of the open episodes. Pure."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from bot.domain.observation import PipelineId, ReadSequence
from bot.domain.plan import Record
from bot.domain.transition import PipelineState, Reach, is_plainly_healthy, is_read_closely, read_again

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
        self._steady: dict[PipelineId, _SteadyReading] = {}
        """Readings later than the record, which changed nothing else. Most are replaced before anybody asks."""

    def of(self, pipeline_id: PipelineId) -> Record:
        """The pipeline's record; an empty one if there is none."""
        if pipeline_id in self._steady:
            self._take_in(pipeline_id)
        return self._all.get(pipeline_id) or Record(pipeline_id=pipeline_id)

    @property
    def ids(self) -> AbstractSet[PipelineId]:
        return self._all.keys()

    @property
    def all(self) -> Mapping[PipelineId, Record]:
        for pipeline_id in tuple(self._steady):
            self._take_in(pipeline_id)
        return self._all

    @property
    def open(self) -> Mapping[PipelineId, Record]:
        """The records whose episode is open."""
        return self._open

    # --- steady readings -------------------------------------------------------------------------------------------

    def state_but_time(self, pipeline_id: PipelineId) -> PipelineState:
        """The state, except that its observation may have an older time and sequence. Costs less than `of`."""
        record = self._all.get(pipeline_id)
        return record.state if record else NO_STATE

    def sequence(self, pipeline_id: PipelineId) -> ReadSequence:
        """The sequence of the latest reading."""
        steady = self._steady.get(pipeline_id)
        return steady.sequence if steady else self.state_but_time(pipeline_id).sequence

    def note_steady(self, pipeline_id: PipelineId, at: datetime, sequence: ReadSequence) -> None:
        """The pipeline was read again, and nothing has changed."""
        self._steady[pipeline_id] = _SteadyReading(at, sequence)
        if pipeline_id in self._open:
            self._take_in(pipeline_id)

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

    def put(self, record: Record) -> None:
        pipeline_id, state = record.pipeline_id, record.state
        self._all[pipeline_id] = record
        self._steady.pop(pipeline_id, None)
        if record.episode is not None and record.episode.open:
            self._open[pipeline_id] = record
        else:
            self._open.pop(pipeline_id, None)
        (self._gone.add if state.reach is Reach.GONE else self._gone.discard)(pipeline_id)
        (self._unhealthy.discard if is_plainly_healthy(state) else self._unhealthy.add)(pipeline_id)

    def replace_all(self, records: Iterable[Record]) -> None:
        self._all, self._open, self._gone, self._unhealthy, self._steady = {}, {}, set(), set(), {}
        for record in records:
            self.put(record)

    def last_read_at(self, pipeline_id: PipelineId) -> datetime | None:
        """The time of the last reading. None: there was none."""
        steady = self._steady.get(pipeline_id)
        if steady:
            return steady.at
        observation = self.state_but_time(pipeline_id).observation
        return observation.observed_at if observation else None

    def read_at(self, pipeline_id: PipelineId) -> datetime | None:
        """The time of the last reading of a closely read pipeline; None for the others."""
        return self.last_read_at(pipeline_id) if is_read_closely(self.state_but_time(pipeline_id)) else None

    def read_again(self, pipeline_id: PipelineId, moment: datetime) -> None:
        """Counts a closely read pipeline as read at `moment`, without a change."""
        record = self.of(pipeline_id)
        state = read_again(record.state, moment)
        if state is not record.state:
            self.put(replace(record, state=state))
