"""Failures that are over: finds those that may still get a log, and later shortens their stored diagnoses."""

import asyncio
from collections.abc import Set as AbstractSet
from datetime import timedelta
from itertools import islice

from bot.domain.diagnosis_plan import plan_shortened
from bot.domain.episode import EpisodeKind, diagnosable
from bot.domain.observation import PipelineId
from bot.monitoring.diagnosis_needs import ENDED_FOR
from bot.monitoring.leader_writes import write_as_leader
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.state.repository import Repository

WHOLE_FOR = timedelta(hours=1)  # by then no failure continues the episode; its card keeps the whole diagnosis
SHORTENED_AT_ONCE = 20
IN_ONE_GO = 1000  # pipelines between two turns of the event loop


class EndedFailures:
    """On the leader. A new one searches all pipelines once."""

    def __init__(self, repository: Repository, leadership: LeadershipStatus, clock: Clock) -> None:
        self._repository = repository
        self._leadership = leadership
        self._clock = clock
        self._ended: set[PipelineId] = set()
        self._searched_for: str | None = None
        """The lease of this bot under which it searched."""

    def note(self, pipeline_id: PipelineId) -> None:
        episode = self._repository.episode(pipeline_id)
        if episode and not episode.open and episode.kind is EpisodeKind.FAILURE and episode.diagnosis:
            self._ended.add(pipeline_id)

    async def without_log(self) -> AbstractSet[PipelineId]:
        """Failures that recovered recently without a log: the log of a new worker may explain them."""
        lease = self._leadership.lease
        if lease and lease.token != self._searched_for:
            self._searched_for = lease.token
            for place, pipeline_id in enumerate(self._repository.watched, 1):
                self.note(pipeline_id)
                if place % IN_ONE_GO == 0:
                    await asyncio.sleep(0)
        return {
            one
            for one in self._ended
            if diagnosable(self._repository.episode(one)) and self._ended_within(one, ENDED_FOR)
        }

    async def shorten(self) -> None:
        """
        Raises:
            StoreAway: a later call does the rest.
        """
        old = [pipeline_id for pipeline_id in self._ended if not self._ended_within(pipeline_id, WHOLE_FOR)]
        for pipeline_id in islice(old, SHORTENED_AT_ONCE):
            await write_as_leader(self._repository, self._leadership, pipeline_id, plan_shortened)
            self._ended.discard(pipeline_id)

    def _ended_within(self, pipeline_id: PipelineId, age: timedelta) -> bool:
        """False also for a pipeline with another episode by now."""
        episode = self._repository.episode(pipeline_id)
        return bool(episode and episode.closed_at and self._clock.now() - episode.closed_at <= age)
