"""Reads of single pipelines for people, and the promised age of readings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bot.domain.observation import PipelineId


class StatusReads(Protocol):
    """Reads a pipeline at once for a person, and says how fresh the polling keeps all others."""

    @property
    def stretch(self) -> float:
        """The factor by which all periods have grown to fit the budget."""
        ...

    @property
    def polls(self) -> bool:
        """True if this bot polls, so that its readings are as fresh as promised."""
        ...

    @property
    def outage(self) -> str | None:
        """The API's problem, while the bot can't read it."""
        ...

    def promised(self) -> Mapping[PipelineId, float]:
        """The greatest age of each reading in normal operation, in seconds."""
        ...

    def waits_until(self) -> datetime | None:
        """The end of a wait that GoldRush asked for, if it is longer than a person would wait."""
        ...

    async def read_now(self, pipeline_id: PipelineId) -> str | None:
        """Reads the pipeline. Returns the problem, in words for people; None if the read succeeded."""
        ...
