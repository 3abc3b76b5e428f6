"""Follows the runs of bounded pipelines: their progress, and how they ended.

GoldRush has no phase for a finished run. So the bot reads the metrics of a bounded pipeline that stopped, and judges by
its height. Nothing is due but by the state in the record: a restart, or another leader, goes on where this one ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice

from bot.domain.bounded_run import RunEnd, ended, progress
from bot.domain.bounded_run_plan import plan_progress, plan_run_ended
from bot.domain.measurement import Measurement
from bot.domain.observation import PipelineId
from bot.domain.phase import Intent, Phase
from bot.domain.transition import PipelineState, Reach
from bot.monitoring.budget import Budget, Route
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.pipeline_api import ApiError
from bot.ports.pipeline_details import PipelineDetails
from bot.ports.store_errors import LeadershipLost
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import TransitionDetected
from bot.state.repository import MakePlan, Repository

ATTEMPTS = (0.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0)  # seconds after the stop
GIVE_UP_SECONDS = 21900.0  # after the stop; an older one stays as it is
AT_ONCE = 8

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
        bounded = self._repository.bounded & self._repository.pollable
        stopped = islice(self._due(bounded), AT_ONCE)
        work = [*map(self._judge, stopped), *map(self._show_progress, islice(self._measured_anew(bounded), AT_ONCE))]
        for problem in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(problem, BaseException):
                raise problem

    def _measured_anew(self, bounded: Iterable[PipelineId]) -> Iterable[PipelineId]:
        """Those that run, and have a later measurement than the one that they show."""
        for pipeline_id in bounded:
            state, recent = self._repository.state_but_time(pipeline_id), self._recent(pipeline_id)
            if not recent or (state.run and state.run.at >= recent[-1].at):
                continue  # the usual case
            measured = [one for one in self._of_deployment(pipeline_id) if one.last_block_height is not None]
            if measured and (state.run is None or measured[-1].at > state.run.at):
                yield pipeline_id

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
            await self._write(pipeline_id, partial(plan_progress, run=run))

    def _due(self, bounded: Iterable[PipelineId]) -> Iterable[PipelineId]:
        now = self._clock.now()
        for pipeline_id in bounded:
            state = self._repository.state_but_time(pipeline_id)
            if state.phase != Phase.STOPPED or state.since is None or state.reach is not Reach.REACHABLE:
                self._attempts.pop(pipeline_id, None)
                self._paused.pop(pipeline_id, None)
            elif not (state.run and state.run.end is RunEnd.FINISHED):
                age = (now - state.since).total_seconds()
                if age <= GIVE_UP_SECONDS and self._over(pipeline_id, state) < _attempts_by(age):
                    yield pipeline_id

    def _over(self, pipeline_id: PipelineId, state: PipelineState) -> int:
        since, over = self._attempts.get(pipeline_id, (None, 0))
        return over if since == state.since else 0

    async def _judge(self, pipeline_id: PipelineId) -> None:
        state, blocks = self._repository.state_but_time(pipeline_id), self._repository.pipeline(pipeline_id).blocks
        if blocks is None or (since := state.since) is None:
            return
        before = [one for one in self._recent(pipeline_id) if one.at <= since]
        if not self._budget.try_take_spare(Route.DETAILS):
            return
        live_since = state.healthy.since if state.healthy else None
        run = ended(blocks, before, await self._read(pipeline_id), live_since=live_since, uid=state.uid)
        if run and run.is_short and await self._is_paused(pipeline_id, since):
            run = None
        if run:
            await self._write(pipeline_id, partial(plan_run_ended, run=run, since=since, at=self._clock.now()))
        self._attempts[pipeline_id] = since, _attempts_by((self._clock.now() - since).total_seconds())

    async def _read(self, pipeline_id: PipelineId) -> Measurement | None:
        try:
            return await self._details.metrics(pipeline_id, self._clock.now())
        except ApiError as exc:
            self._budget.obey(Route.DETAILS, exc)
            return None

    async def _is_paused(self, pipeline_id: PipelineId, since: datetime) -> bool:
        await self._confirm_intent(pipeline_id)
        if self._repository.pipeline(pipeline_id).intent is Intent.PAUSED:
            self._paused[pipeline_id] = since
        return self._paused.get(pipeline_id) == since

    async def _write(self, pipeline_id: PipelineId, make: MakePlan) -> None:
        lease = self._leadership.lease
        if lease is None:
            return
        try:
            plan = await self._repository.write(pipeline_id, make, lease=lease)
        except LeadershipLost:
            return  # the next leader judges
        for transition in plan.transitions if plan else ():
            phase, reason = transition.phase and str(transition.phase), transition.reason or None
            emit(TransitionDetected(pipeline=pipeline_id, became=transition.event.value, phase=phase, reason=reason))


def _attempts_by(age: float) -> int:
    """How many attempts are due within so many seconds after the stop."""
    return sum(age >= seconds for seconds in ATTEMPTS)
