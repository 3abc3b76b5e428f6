"""How pipelines stand, for whoever asks: as it is known, and read afresh where that is too old."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace

from bot.domain.answer import PipelineView
from bot.domain.catalogue import Pipeline
from bot.domain.episode import EpisodeKind
from bot.domain.observation import PipelineId
from bot.domain.transition import PipelineState
from bot.domain.watch import ChannelId
from bot.monitoring.poller import Poller
from bot.ports.clock import Clock
from bot.state.repository import Repository

ANSWER_SECONDS = 6.0  # a person waits; what has not been read by then is shown as old as it is
FRESH_SECONDS = 2.0  # for pipelines that were named
RECENT_SECONDS = 60.0  # for those that were not
READ_AT_ONCE = 20  # as many as a page shows: one command must not spend the budget of all
NOT_SINCE = "it has not been read since"
OVERDUE_SECONDS = 2.0  # older than the polling promises: this process stood still, or the machine slept


class StatusReader:
    def __init__(self, *, repository: Repository, poller: Poller, clock: Clock) -> None:
        self._repository = repository
        self._poller = poller
        self._clock = clock

    @property
    def recent_seconds(self) -> float:
        """What the polling keeps by itself is not asked for again: where periods are stretched, so is this."""
        return RECENT_SECONDS * self._poller.stretch

    async def of(
        self, pipelines: Collection[Pipeline], channel: ChannelId, *, older_than: float
    ) -> tuple[PipelineView, ...]:
        problems = await self.read(pipelines, older_than=older_than)
        known = self.known([self._repository.pipeline(each.id) for each in pipelines], channel)
        return tuple(self._with_problem(view, problems.get(view.pipeline.id)) for view in known)

    def _with_problem(self, view: PipelineView, problem: str | None) -> PipelineView:
        return replace(view, problem=problem, wait_until=self._poller.waits_until()) if problem else view

    async def read(self, pipelines: Collection[Pipeline], *, older_than: float) -> dict[PipelineId, str | None]:
        """Reads those whose last reading is older than so many seconds, or than the polling promises: the oldest
        `READ_AT_ONCE` of them. Answers what went wrong with which."""
        promised = self._poller.promised()
        oldest = {each.id: min(older_than, promised.get(each.id, older_than) + OVERDUE_SECONDS) for each in pipelines}
        ages = {each: self._age(each) for each in oldest}
        stale = [each for each, seconds in oldest.items() if ages[each] > seconds]
        stale = sorted(stale, key=lambda each: -ages[each])[:READ_AT_ONCE]
        if not stale:
            return {}
        reads = {asyncio.ensure_future(self._poller.read_now(each)): each for each in stale}
        try:
            done, late = await asyncio.wait(reads, timeout=ANSWER_SECONDS)
        finally:
            for read in reads:
                read.cancel()  # a read that has begun goes on for the poller; those that wait for budget are let go
        problems = {reads[read]: read.result() for read in done}
        return problems | {reads[read]: "not read in time: the budget is in use, or the API is slow" for read in late}

    def _age(self, pipeline_id: PipelineId) -> float:
        observation = self._standing(pipeline_id).observation
        return (self._clock.now() - observation.observed_at).total_seconds() if observation else float("inf")

    def known(self, pipelines: Collection[Pipeline], channel: ChannelId) -> tuple[PipelineView, ...]:
        """As they are known now, without a read."""
        heard = self._repository.covered_by(self._repository.watches.of(channel))
        promised = self._poller.promised()
        known = (self._known(each, watched_here=each.id in heard) for each in pipelines)
        return tuple(self._with_problem(each, self._doubt(each, promised)) for each in known)

    def _doubt(self, view: PipelineView, promised: Mapping[PipelineId, float]) -> str | None:
        """Why the last reading may be out of date. A bot that does not poll knows steady pipelines by old
        readings; their age alone is no reason."""
        if view.state.observation is None:
            return None
        if self._poller.breaker.lost:
            return self._poller.breaker.problem
        pipeline_id = view.pipeline.id
        if pipeline_id in promised and not self._poller.reads:
            return None
        longest = promised.get(pipeline_id, self.recent_seconds) + OVERDUE_SECONDS
        return NOT_SINCE if self._age(pipeline_id) > longest else None

    def _known(self, pipeline: Pipeline, *, watched_here: bool) -> PipelineView:
        episode = self._repository.record(pipeline.id).episode
        failure = episode if episode and episode.kind is EpisodeKind.FAILURE and episode.open else None
        return PipelineView(
            pipeline=pipeline,
            state=self._standing(pipeline.id),
            watched_here=watched_here,
            acknowledged=failure.acknowledged if failure else None,
        )

    def _standing(self, pipeline_id: PipelineId) -> PipelineState:
        recorded, glimpse = (
            self._repository.record(pipeline_id).state,
            self._poller.unwatched_readings.get(pipeline_id),
        )
        watched = self._repository.follows(pipeline_id)
        return glimpse if glimpse and (not watched or _newer(glimpse, recorded)) else recorded


def _newer(one: PipelineState, other: PipelineState) -> bool:
    """A bot whose turn it is not keeps what it read for somebody to itself."""
    if one.observation is None or other.observation is None:
        return other.observation is None
    return one.observation.observed_at > other.observation.observed_at
