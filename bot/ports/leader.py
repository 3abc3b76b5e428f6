"""The bot that leads, as the other processes see it: it reads and lists for their people, within its budget."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.transition import PipelineState
from bot.ports.catalogue import ListingOutcome
from bot.ports.details_reads import LogAnswer


class LeaderSilent(Exception):
    """The leader did not answer in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReply:
    """What the leader knows about a pipeline after a read."""

    state: PipelineState
    pipeline: Pipeline | None = None
    """As the leader knows it from listings. None: no listing has shown it."""
    problem: str | None = None
    """Why the read failed, in words for people. None: it succeeded."""
    wait_until: datetime | None = None
    """The end of a wait that GoldRush asked for."""


class Leader(Protocol):
    """In the leader itself, these methods do the work. In other processes, they call the leader.

    There, each raises `LeaderSilent` or `StoreAway`.
    """

    async def read(self, pipeline_id: PipelineId, *, older_than: float) -> ReadReply:
        """Reads the pipeline, unless its last reading is younger than `older_than` seconds."""
        ...

    async def list_pipelines(self, *, older_than: float) -> ListingOutcome:
        """Lists the pipelines, unless a listing is younger than `older_than` seconds. The store has the result."""
        ...

    async def logs(self, pipeline_id: PipelineId) -> LogAnswer:
        """Reads the logs, unless they were read a moment ago."""
        ...
