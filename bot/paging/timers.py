"""Serves the timers of pages: the next step of an escalation, and the end of a promise.

A timer is part of its pipeline's record, so a restart loses none. Every bot serves them: the record's version decides
which one writes, and a timer that was served is no longer due.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.call_joining import JOINS_WITHIN, NOBODY_CALLED, CalledPeople, calls_due, joining
from bot.domain.escalation import TOGETHER, Page
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_timer
from bot.domain.plan import Plan, Record
from bot.domain.routing import Routing
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.telemetry import emit
from bot.ports.telemetry.paging import PageAdvanced
from bot.state.repository import Repository

OTHERS_WAIT = timedelta(seconds=5)
"""So long a bot leaves a due timer to the leader, so that not all of them plan the same step."""


class PageTimers:
    """Call `serve` once a second."""

    def __init__(self, repository: Repository, leadership: LeadershipStatus, clock: Clock) -> None:
        self._repository = repository
        self._leadership = leadership
        self._clock = clock

    async def serve(self) -> None:
        """Serves what is due, and with it what is due within seconds: one message can name all those pipelines.

        A repeated call to the same people joins it up to four minutes early.

        Raises:
            StoreAway: a part may be served. The next call serves the rest.
        """
        now, repository = self._clock.now(), self._repository
        due = repository.due(now)
        if not due or not (self._leadership.is_leader or repository.due(now - OTHERS_WAIT)):
            return
        together = frozenset(repository.due(now + TOGETHER))
        calls = NOBODY_CALLED.union(*(self._calls(pipeline_id, now) for pipeline_id in together))
        near = frozenset(repository.due(now + JOINS_WITHIN)) if calls else together
        before = {pipeline_id: self._pages(pipeline_id) for pipeline_id in near}

        def make(record: Record, routing: Routing) -> Plan | None:
            if record.pipeline_id in together:
                return plan_timer(record, routing, now)
            early = joining(record.episode, calls, now) if record.episode and record.next_at else None
            return plan_timer(replace(record, episode=early), routing, now) if early else None

        await repository.write_each(near, make)
        for pipeline_id in sorted(near):
            self._report(pipeline_id, before[pipeline_id])

    def _calls(self, pipeline_id: PipelineId, now: datetime) -> CalledPeople:
        episode = self._repository.record(pipeline_id).episode
        return calls_due(episode, now) if episode else NOBODY_CALLED

    def _pages(self, pipeline_id: PipelineId) -> dict[str, Page]:
        episode = self._repository.record(pipeline_id).episode
        return {page.key: page for page in episode.pages} if episode else {}

    def _report(self, pipeline_id: PipelineId, before: dict[str, Page]) -> None:
        for key, page in self._pages(pipeline_id).items():
            if before.get(key) != page:
                emit(
                    PageAdvanced(
                        pipeline=pipeline_id,
                        policy=page.policy.name,
                        status=page.status.value,
                        attempt=page.attempt,
                        steps=page.position,
                        unreached=len(page.unreached),
                    )
                )
