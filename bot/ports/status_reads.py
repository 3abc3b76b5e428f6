"""Reads of single pipelines for people, and the promised age of readings."""

from datetime import datetime
from typing import Protocol

from bot.domain.observation import PipelineId


class StatusReads(Protocol):
    """Reads a pipeline at once for a person, and says how fresh the polling keeps all others."""

    @property
    def promised_seconds(self) -> float:
        """The greatest age of a polled pipeline's reading in normal operation."""
        ...

    @property
    def polls(self) -> bool:
        """True if this bot polls, so that its readings are as fresh as promised."""
        ...

    @property
    def outage(self) -> str | None:
        """The API's problem, while the bot can't read it."""
        ...

    def promised(self, pipeline_id: PipelineId) -> float | None:
        """The same for one pipeline, since those at rest are read less often. None: the bot does not poll it."""
        ...

    def waits_until(self) -> datetime | None:
        """The end of a wait that GoldRush asked for, if it is longer than a person would wait."""
        ...

    async def read_now(self, pipeline_id: PipelineId) -> str | None:
        """Reads the pipeline. Returns the problem, in words for people; None if the read succeeded."""
        ...
