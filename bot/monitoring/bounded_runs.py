"""Follows the runs of bounded pipelines: their progress, and how they ended.

GoldRush has no phase for a finished run. So the bot reads the metrics of a bounded pipeline that stopped, and judges by
its height. Nothing is due but by the state in the record: a restart, or another leader, goes on where this one ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial

from bot.domain.bounded_run import RunEnd, ended, progress
from bot.domain.bounded_run_plan import plan_progress, plan_run_ended
from bot.domain.measurement import Measurement, plausible
from bot.domain.observation import PipelineId
from bot.domain.phase import Intent, Phase
from bot.domain.transition import PipelineState, Reach
from bot.monitoring.budget import Budget, Route
from bot.monitoring.leader_writes import write_as_leader
from bot.monitoring.work_in_time import work_in_time
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.pipeline_api import ApiError
from bot.ports.pipeline_details import PipelineDetails
from bot.state.repository import Repository

ATTEMPTS = (0.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0)  # seconds after the stop
GIVE_UP_SECONDS = 21900.0  # after the stop; an older one stays as it is
AT_ONCE = 8  # requests for the metrics of runs that stopped
FOLLOW_SECONDS = 1.0  # of each call, so that many runs show their progress within a few calls
IN_ONE_GO = 1000  # pipelines between two turns of the event loop

Recent = Callable[[PipelineId], Sequence[Measurement]]
"""The measurements of a pipeline's last hour, oldest first."""


class BoundedRuns:
    """Call `follow` every few seconds."""

    def __init__(
        self,
        *,
        repository: Repository,
        details: PipelineDetails,
        recent: Recent,
        are_loaded: Callable[[], bool],
        confirm_intent: Callable[[PipelineId], Awaitable[None]],
        budget: Budget,
        clock: Clock,
        leadership: LeadershipStatus,
    ) -> None:
        self._repository = repository
        self._details = details
        self._recent = recent
        self._are_loaded = are_loaded
        self._confirm_intent = confirm_intent
        self._budget = budget
        self._clock = clock
        self._leadership = leadership
        self._attempts: dict[PipelineId, tuple[datetime, int]] = {}
        """When each pipeline stopped, and how many of the attempts to judge it are over."""
        self._paused: dict[PipelineId, datetime] = {}
        """Those whose owner paused them, by the time of the stop. A resume is no failure in the seconds before it."""

    async def follow(self) -> None:
        """Judges the runs that stopped, the first attempt at once and the others by `ATTEMPTS`. Shows the progress of
        those that go on, once for each measurement.

        Raises:
            StoreAway: a later call does the rest.
        """
        if not self._leadership.is_leader or not self._are_loaded():
            return  # without the measurements of the last hour, a judgement may differ
        stopped, measured = await self._work()
        work = dict.fromkeys(stopped[:AT_ONCE], self._judge) | dict.fromkeys(measured, self._show_progress)
        await work_in_time(lambda pipeline_id: work[pipeline_id](pipeline_id), work, self._clock, FOLLOW_SECONDS)

    async def _work(self) -> tuple[list[PipelineId], list[PipelineId]]:
        """The runs to judge, and those whose progress to show."""
        stopped, measured, now = list[PipelineId](), list[PipelineId](), self._clock.now()
        bounded = self._repository.bounded & self._repository.pollable
        for pipeline_id in self._attempts.keys() - bounded:
            del self._attempts[pipeline_id]
            self._paused.pop(pipeline_id, None)
        for place, pipeline_id in enumerate(bounded, 1):
            if self._is_due(pipeline_id, now):
                stopped.append(pipeline_id)
            elif self._has_newer_measurement(pipeline_id):
                measured.append(pipeline_id)
            if place % IN_ONE_GO == 0:
                await asyncio.sleep(0)
        return stopped, measured

    def _has_newer_measurement(self, pipeline_id: PipelineId) -> bool:
        """True if it runs, and has a later measurement than the one that it shows."""
        recent = self._recent(pipeline_id)
        if not recent:
            return False  # the usual case of a large fleet
        state = self._repository.state_but_time(pipeline_id)
        if state.run and state.run.at >= recent[-1].at:
            return False
        measured = [one for one in self._of_deployment(pipeline_id) if one.last_block_height is not None]
        return bool(measured) and (state.run is None or measured[-1].at > state.run.at)

    def _of_deployment(self, pipeline_id: PipelineId) -> Sequence[Measurement]:
        """The measurements since the running deployment began."""
        state = self._repository.state_but_time(pipeline_id)
        if state.phase != Phase.RUNNING or state.since is None:
            return ()
        began_at = max(state.since, state.start_time or state.since)
        return [one for one in self._recent(pipeline_id) if one.at >= began_at]

    async def _show_progress(self, pipeline_id: PipelineId) -> None:
        blocks = self._repository.pipeline(pipeline_id).blocks
        if blocks and (run := progress(blocks, self._of_deployment(pipeline_id), self._clock.now())):
            await write_as_leader(self._repository, self._leadership, pipeline_id, partial(plan_progress, run=run))

    def _is_due(self, pipeline_id: PipelineId, now: datetime) -> bool:
        """True if it stopped, and the next attempt to judge that is due."""
        state = self._repository.state_but_time(pipeline_id)
        if state.phase is not Phase.STOPPED or state.since is None or state.reach is not Reach.REACHABLE:
            self._attempts.pop(pipeline_id, None)
            self._paused.pop(pipeline_id, None)
            return False
        if state.run and state.run.end is RunEnd.FINISHED:
            return False
        age = (now - state.since).total_seconds()
        return age <= GIVE_UP_SECONDS and self._over(pipeline_id, state) < _attempts_by(age)

    def _over(self, pipeline_id: PipelineId, state: PipelineState) -> int:
        since, over = self._attempts.get(pipeline_id, (None, 0))
        return over if since == state.since else 0

    async def _judge(self, pipeline_id: PipelineId) -> None:
        state, blocks = self._repository.state_but_time(pipeline_id), self._repository.pipeline(pipeline_id).blocks
        if blocks is None or (since := state.since) is None:
            return
        before = [one for one in self._recent(pipeline_id) if one.at <= since]
        if not self._budget.try_take_spare(Route.METRICS):
            return
        live_since = state.healthy.since if state.healthy else None
        after = await self._read(pipeline_id, before)
        run = ended(blocks, before, after, live_since=live_since, uid=state.uid)
        if run and run.is_short and await self._is_paused(pipeline_id, since):
            run = None
        if run:
            await write_as_leader(
                self._repository,
                self._leadership,
                pipeline_id,
                partial(plan_run_ended, run=run, since=since, at=self._clock.now()),
            )
        self._attempts[pipeline_id] = since, _attempts_by((self._clock.now() - since).total_seconds())

    async def _read(self, pipeline_id: PipelineId, before: Sequence[Measurement]) -> Measurement | None:
        try:
            return plausible(await self._details.metrics(pipeline_id, self._clock.now()), before)
        except ApiError as exc:
            self._budget.obey(Route.METRICS, exc)
            return None

    async def _is_paused(self, pipeline_id: PipelineId, since: datetime) -> bool:
        await self._confirm_intent(pipeline_id)
        if self._repository.pipeline(pipeline_id).intent is Intent.PAUSED:
            self._paused[pipeline_id] = since
        return self._paused.get(pipeline_id) == since


def _attempts_by(age: float) -> int:
    """How many attempts are due within so many seconds after the stop."""
    return sum(age >= seconds for seconds in ATTEMPTS)
