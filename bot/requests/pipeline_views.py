"""The views of pipelines in answers: as last known, or read again if the last reading is too old."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace

from bot.domain.answer import PipelineView
from bot.domain.catalogue import Pipeline
from bot.domain.episode import EpisodeKind
from bot.domain.observation import PipelineId
from bot.domain.transition import PipelineState
from bot.domain.watch import ChannelId
from bot.ports.clock import Clock
from bot.ports.status_reads import StatusReads
from bot.state.repository import Repository

ANSWER_SECONDS = 6.0  # a person waits; after that the answer shows the age of each older reading
FRESH_SECONDS = 2.0  # for pipelines that the person named
RECENT_SECONDS = 60.0  # for the others
READ_AT_ONCE = 20  # as many as one page shows: one command must not spend the whole budget
NOT_SINCE = "it has not been read since"
OVERDUE_SECONDS = 2.0  # a reading this much beyond its promised age shows that the process stood still


class PipelineViews:
    """Views of pipelines for answers. Each one says if its reading is older than it should be.

    `unrecorded`: readings of this bot that are newer than the record, or that have no record.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        reads: StatusReads,
        unrecorded: Mapping[PipelineId, PipelineState],
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._reads = reads
        self._unrecorded = unrecorded
        self._clock = clock

    @property
    def recent_seconds(self) -> float:
        """A reading younger than this counts as recent. It grows with the promised age of readings."""
        return max(RECENT_SECONDS, self._reads.promised_seconds)

    @property
    def outage(self) -> str | None:
        """Why the bot reads no pipeline now."""
        return self._reads.outage

    async def refreshed(
        self, pipelines: Collection[Pipeline], channel: ChannelId, *, older_than: float
    ) -> tuple[PipelineView, ...]:
        """Views for `channel`, after reading the pipelines whose last reading is older than `older_than` seconds."""
        problems = await self.read(pipelines, older_than=older_than)
        known = self.known([self._repository.pipeline(pipeline.id) for pipeline in pipelines], channel)
        return tuple(self._with_problem(view, problems.get(view.pipeline.id)) for view in known)

    def _with_problem(self, view: PipelineView, problem: str | None) -> PipelineView:
        return replace(view, problem=problem, wait_until=self._reads.waits_until()) if problem else view

    async def read(self, pipelines: Collection[Pipeline], *, older_than: float) -> dict[PipelineId, str | None]:
        """Reads pipelines whose last reading is older than `older_than` seconds, or than the polling promises.

        Reads at most `READ_AT_ONCE`, the oldest first. Returns the problem of each read, or None.
        """
        promised = {pipeline.id: self._reads.promised(pipeline.id) for pipeline in pipelines}
        oldest = {
            pipeline_id: older_than if seconds is None else min(older_than, seconds + OVERDUE_SECONDS)
            for pipeline_id, seconds in promised.items()
        }
        ages = {pipeline_id: self._age(pipeline_id) for pipeline_id in oldest}
        stale = [pipeline_id for pipeline_id, seconds in oldest.items() if ages[pipeline_id] > seconds]
        stale = sorted(stale, key=lambda pipeline_id: -ages[pipeline_id])[:READ_AT_ONCE]
        if not stale:
            return {}
        reads = {asyncio.ensure_future(self._reads.read_now(pipeline_id)): pipeline_id for pipeline_id in stale}
        try:
            done, late = await asyncio.wait(reads, timeout=ANSWER_SECONDS)
        finally:
            for read in reads:
                read.cancel()  # a started read goes on for the polling; one that waits for budget ends
        problems = {reads[read]: read.result() for read in done}
        return problems | {reads[read]: "GoldRush is slow, or many reads are waiting" for read in late}

    def _age(self, pipeline_id: PipelineId) -> float:
        observation = self._state(pipeline_id).observation
        return (self._clock.now() - observation.observed_at).total_seconds() if observation else float("inf")

    def known(self, pipelines: Collection[Pipeline], channel: ChannelId) -> tuple[PipelineView, ...]:
        """Views as last known, without a read."""
        watched_here = self._repository.covered_by(self._repository.watches.in_channel(channel))
        known = (self._known(pipeline, watched_here=pipeline.id in watched_here) for pipeline in pipelines)
        return tuple(self._with_problem(view, self._staleness(view)) for view in known)

    def _staleness(self, view: PipelineView) -> str | None:
        """Why the last reading may be out of date.

        A bot that does not lead knows steady pipelines by old readings. Their age alone is no reason.
        """
        if view.state.observation is None:
            return None
        if outage := self._reads.outage:
            return outage
        pipeline_id = view.pipeline.id
        promised = self._reads.promised(pipeline_id)
        if promised is not None and not self._reads.polls:
            return None
        longest = self.recent_seconds if promised is None else promised
        return NOT_SINCE if self._age(pipeline_id) > longest + OVERDUE_SECONDS else None

    def _known(self, pipeline: Pipeline, *, watched_here: bool) -> PipelineView:
        episode = self._repository.record(pipeline.id).episode
        failure = episode if episode and episode.kind is EpisodeKind.FAILURE and episode.open else None
        return PipelineView(
            pipeline=pipeline,
            state=self._state(pipeline.id),
            watched_here=watched_here,
            acknowledged=failure.acknowledged if failure else None,
        )

    def _state(self, pipeline_id: PipelineId) -> PipelineState:
        recorded, unrecorded = self._repository.record(pipeline_id).state, self._unrecorded.get(pipeline_id)
        watched = self._repository.follows(pipeline_id)
        return unrecorded if unrecorded and (not watched or _is_newer(unrecorded, recorded)) else recorded


def _is_newer(state: PipelineState, other: PipelineState) -> bool:
    if state.observation is None or other.observation is None:
        return other.observation is None
    return state.observation.observed_at > other.observation.observed_at
