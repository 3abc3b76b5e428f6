"""Answers people who ask for the log of a pipeline."""

from dataclasses import dataclass

from bot.domain.catalogue import Pipeline
from bot.domain.episode import EpisodeKind
from bot.domain.names import Names
from bot.domain.observation import PipelineId
from bot.domain.transition import PipelineState
from bot.domain.watch import ChannelId
from bot.ports.details_reads import LogAnswer, LogReads
from bot.requests.references import NotOnePipeline, References
from bot.state.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineLog:
    """The log of one pipeline, and its state as last known."""

    pipeline: Pipeline
    state: PipelineState
    read: LogAnswer
    failed_before: bool = False
    """Whether its last episode is a failure, which has a card."""


class Logs:
    """Anyone who may type commands may read the log of any pipeline, as with its status."""

    def __init__(self, *, repository: Repository, references: References, reads: LogReads) -> None:
        self._repository = repository
        self._references = references
        self._reads = reads

    async def named(self, channel: ChannelId, reference: str, names: Names | None) -> PipelineLog | NotOnePipeline:
        pipeline = await self._references.only(reference, channel, names)
        return pipeline if isinstance(pipeline, NotOnePipeline) else await self.of(pipeline.id)

    async def of(self, pipeline_id: PipelineId) -> PipelineLog:
        read = await self._reads.logs(pipeline_id)
        record = self._repository.record(pipeline_id)
        failed = (
            record.episode is not None and record.episode.kind is EpisodeKind.FAILURE and bool(record.episode.cards)
        )
        pipeline = self._repository.pipeline(pipeline_id)
        return PipelineLog(pipeline=pipeline, state=record.state, read=read, failed_before=failed)
