"""What other parts of the bot add to a diagnosis before it is stored."""

from datetime import datetime
from typing import Protocol

from bot.domain.diagnosis import Diagnosis
from bot.domain.measurement import Measurement
from bot.domain.observation import PipelineId


class EarlierMeasurement(Protocol):
    """Finds a stored measurement from before a failure, to compare with."""

    async def __call__(self, pipeline_id: PipelineId, before: datetime) -> Measurement | None: ...


class AddFacts(Protocol):
    """Adds facts, such as what changed before the failure. Has a second at most; without it the diagnosis goes out."""

    async def __call__(self, pipeline_id: PipelineId, diagnosis: Diagnosis) -> Diagnosis: ...
