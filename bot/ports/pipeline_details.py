"""What GoldRush tells about a pipeline beside its phase. Each call is one request that only reads."""

from datetime import datetime
from typing import Protocol

from bot.domain.configuration import Configuration
from bot.domain.log_lines import PodLog
from bot.domain.measurement import DestinationHealth, Measurement
from bot.domain.observation import PipelineId


class PipelineDetails(Protocol):
    """Each call ends within its deadline, with an answer or an `ApiError` and no other error."""

    async def logs(self, pipeline_id: PipelineId) -> tuple[PodLog, ...]:
        """The end of each replica's log, not redacted. May be a tail error (`is_tail_error`)."""
        ...

    async def metrics(self, pipeline_id: PipelineId, at: datetime) -> Measurement:
        """The metrics of now. `at`: the time of the request, since the answer carries none."""
        ...

    async def destination_health(self, pipeline_id: PipelineId) -> DestinationHealth: ...


class FailureDetails(PipelineDetails, Protocol):
    """What the diagnosis of a failure reads."""

    async def configuration(self, pipeline_id: PipelineId) -> Configuration: ...
