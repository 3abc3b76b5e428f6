"""The records that one process knows, with an index of the open episodes. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from bot.domain.observation import PipelineId
from bot.domain.plan import Record
from bot.domain.transition import is_read_closely, read_again


class KnownRecords:
    """Each pipeline's record. A change costs the same for ten pipelines and for 100,000."""

    def __init__(self) -> None:
        self._all: dict[PipelineId, Record] = {}
        self._open: dict[PipelineId, Record] = {}

    def of(self, pipeline_id: PipelineId) -> Record:
        """The pipeline's record; an empty one if there is none."""
        return self._all.get(pipeline_id) or Record(pipeline_id=pipeline_id)

    @property
    def all(self) -> Mapping[PipelineId, Record]:
        return self._all

    @property
    def open(self) -> Mapping[PipelineId, Record]:
        """The records whose episode is open."""
        return self._open

    def put(self, record: Record) -> None:
        self._all[record.pipeline_id] = record
        if record.episode is not None and record.episode.open:
            self._open[record.pipeline_id] = record
        else:
            self._open.pop(record.pipeline_id, None)

    def replace_all(self, records: Iterable[Record]) -> None:
        self._all, self._open = {}, {}
        for record in records:
            self.put(record)

    def read_at(self, pipeline_id: PipelineId) -> datetime | None:
        """The time of the last reading of a closely read pipeline; None for the others."""
        record = self._all.get(pipeline_id)
        if record is None or record.state.observation is None or not is_read_closely(record.state):
            return None
        return record.state.observation.observed_at

    def read_again(self, pipeline_id: PipelineId, moment: datetime) -> None:
        """Counts a closely read pipeline as read at `moment`, without a change."""
        record = self.of(pipeline_id)
        state = read_again(record.state, moment)
        if state is not record.state:
            self.put(replace(record, state=state))
