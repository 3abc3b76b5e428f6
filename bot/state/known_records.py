"""The records that one process knows, with an index of the open episodes. Pure."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from bot.domain.observation import PipelineId
from bot.domain.plan import Record
from bot.domain.transition import Reach, is_plainly_healthy, is_read_closely, read_again


class KnownRecords:
    """Each pipeline's record. A change costs the same for ten pipelines and for 100,000."""

    def __init__(self) -> None:
        self._all: dict[PipelineId, Record] = {}
        self._open: dict[PipelineId, Record] = {}
        self._gone: set[PipelineId] = set()
        self._unhealthy: set[PipelineId] = set()

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
        if record.episode is not None and record.episode.open:
            self._open[pipeline_id] = record
        else:
            self._open.pop(pipeline_id, None)
        (self._gone.add if state.reach is Reach.GONE else self._gone.discard)(pipeline_id)
        (self._unhealthy.discard if is_plainly_healthy(state) else self._unhealthy.add)(pipeline_id)

    def replace_all(self, records: Iterable[Record]) -> None:
        self._all, self._open, self._gone, self._unhealthy = {}, {}, set(), set()
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
