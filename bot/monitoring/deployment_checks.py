"""Finds pipelines that are stuck or have drifted, and says on a deployment's card when it is usually live.

Level-triggered, on the leader. It looks only at pipelines that may need it (`KnownPipelines.unsettled`): those that
deploy, stop, or contradict their owner's intent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from bot.domain.catalogue import Pipeline
from bot.domain.deployment_plan import deployment_under_way, plan_expected
from bot.domain.finding_plan import OF_DEPLOYMENTS, plan_findings
from bot.domain.observation import PipelineId
from bot.domain.overdue import (
    GRACE,
    UNKNOWN,
    UsualDurations,
    contradicts,
    drift,
    overdue_at,
    stuck,
    stuck_at,
    usual_durations,
)
from bot.domain.phase import TRANSIENT
from bot.domain.plan import Plan, Record
from bot.domain.routing import Routing
from bot.domain.transition import Event, PipelineFinding, PipelineState
from bot.monitoring.leader_writes import write_as_leader
from bot.monitoring.work_in_time import work_in_time
from bot.ports.clock import Clock
from bot.ports.history_store import HistoryStore
from bot.ports.leadership import LeadershipStatus
from bot.state.repository import Repository

CHECK_SECONDS = 5.0
JUDGE_SECONDS = 1.0  # of each run, so that a fleet that deploys at once is judged within a few runs
IN_ONE_GO = 1000  # pipelines between two turns of the event loop
AGAIN_AFTER = timedelta(seconds=15)  # if the intent could not be read
NEVER = datetime.max.replace(tzinfo=UTC)

ReadIntent = Callable[[PipelineId], Awaitable[bool]]
"""Reads the pipeline object now. False: it could not."""


@dataclass(slots=True)
class _Check:
    """What this leader knows of one pipeline while its phase and intent stay."""

    situation: tuple[object, ...]
    made_at: datetime
    """A finding ends only by a reading after this: the bot may have been away, and the stored one is older."""
    due_at: datetime
    contradicts_since: datetime | None = None
    is_confirmed: bool = False
    """A fresh read showed the contradiction. A listing may be older than a pause that has begun and ended since."""
    usual: UsualDurations | None = None
    """None: not looked up yet."""


class DeploymentChecks:
    """Call `run` every few seconds."""

    def __init__(
        self,
        *,
        repository: Repository,
        history: HistoryStore,
        read_intent: ReadIntent,
        clock: Clock,
        leadership: LeadershipStatus,
    ) -> None:
        self._repository = repository
        self._history = history
        self._read_intent = read_intent
        self._clock = clock
        self._leadership = leadership
        self._checks: dict[PipelineId, _Check] = {}
        self._epoch: object = None
        """Of the lease under which the checks were made: another leader may have settled a contradiction since."""

    async def run(self) -> None:
        """Judges the pipelines that are due.

        Raises:
            StoreAway: a later call does the rest.
        """
        lease = self._leadership.lease
        if lease is None:
            return
        if lease.token != self._epoch:
            self._checks, self._epoch = {}, lease.token
        await work_in_time(self._judge, await self._due(), self._clock, JUDGE_SECONDS)

    async def _due(self) -> Sequence[PipelineId]:
        """Those that wait longest come first."""
        now, due = self._clock.now(), dict[PipelineId, datetime]()
        unsettled = self._repository.unsettled & self._repository.pollable
        for settled in self._checks.keys() - unsettled:
            del self._checks[settled]
        for place, pipeline_id in enumerate(unsettled, 1):
            check = self._check(pipeline_id, now)
            if check.due_at <= now:
                due[pipeline_id] = check.due_at
            if place % IN_ONE_GO == 0:
                await asyncio.sleep(0)
        return sorted(due, key=due.__getitem__)

    def _check(self, pipeline_id: PipelineId, now: datetime) -> _Check:
        """The check of the pipeline's situation. A change of it is due at once."""
        state, pipeline = self._repository.state_but_time(pipeline_id), self._repository.pipeline(pipeline_id)
        episode = self._repository.episode(pipeline_id)
        has_card = episode is not None and episode.open  # without one, a finding that holds gets its card
        situation = (state.phase, state.since, state.start_time, pipeline.intent, has_card)
        before = self._checks.get(pipeline_id)
        if before and before.situation == situation:
            return before
        check = _Check(situation, now, now)
        if contradicts(state, pipeline):
            held = state.finding(Event.DRIFT)
            same_phase = before is not None and before.situation[:2] == situation[:2]
            earlier = before.contradicts_since if before and same_phase else None
            check.contradicts_since = held.since if held else state.contradicts_since or earlier or now
            confirmed_before = before is not None and earlier is not None and before.is_confirmed
            check.is_confirmed = confirmed_before or state.contradicts_since is not None
        self._checks[pipeline_id] = check
        return check

    async def _judge(self, pipeline_id: PipelineId) -> None:
        check = self._checks[pipeline_id]
        state = self._repository.state_but_time(pipeline_id)
        if check.usual is None:
            check.usual = await self._usual(pipeline_id, state)
        is_known = self._repository.pipeline(pipeline_id).intent is not None
        if state.contradicts_since and not check.contradicts_since and is_known:
            await self._store_contradiction(pipeline_id, state, None)
        findings = [finding] if (finding := stuck(state, check.usual, self._read_at(pipeline_id))) else []
        drifted, confirmed = await self._drift(pipeline_id, check, state)
        findings += [drifted] if drifted else []
        read_at = self._read_at(pipeline_id)
        if read_at is None or read_at < check.made_at:
            unread = [held for held in state.findings if held.event in OF_DEPLOYMENTS - {one.event for one in findings}]
            findings, confirmed = [*findings, *unread], confirmed and not unread
        if findings or state.findings:
            make = partial(_as_judged, state=state, findings=findings, at=self._clock.now())
            await write_as_leader(self._repository, self._leadership, pipeline_id, make)
        if check.usual.to_live and check.usual.to_live.is_known:
            make = partial(plan_expected, usual=check.usual.to_live, at=self._clock.now())
            await write_as_leader(self._repository, self._leadership, pipeline_id, make)
        check.due_at = self._next_at(pipeline_id, check) if confirmed else self._clock.now() + AGAIN_AFTER

    async def _usual(self, pipeline_id: PipelineId, state: PipelineState) -> UsualDurations:
        """Most contradictions need no history."""
        if state.phase not in TRANSIENT and deployment_under_way(self._repository.record(pipeline_id)) is None:
            return UNKNOWN
        return usual_durations((await self._history.history(pipeline_id)).transitions)

    async def _drift(
        self, pipeline_id: PipelineId, check: _Check, state: PipelineState
    ) -> tuple[PipelineFinding | None, bool]:
        """The drift that holds, and False if it could not be confirmed: a listing may be older than the phase."""
        held = state.finding(Event.DRIFT)
        if held is None and check.contradicts_since and not check.is_confirmed:
            if not await self._read_intent(pipeline_id):
                return None, False
            check.is_confirmed, check.contradicts_since = True, self._clock.now()
            await self._store_contradiction(pipeline_id, state, check.contradicts_since)
        drifted = self._drift_by(check, state, self._repository.pipeline(pipeline_id), pipeline_id)
        if (drifted is None) is (held is None):
            return drifted, True
        if not await self._read_intent(pipeline_id):
            return held, False
        return self._drift_by(check, state, self._repository.pipeline(pipeline_id), pipeline_id), True

    async def _store_contradiction(self, pipeline_id: PipelineId, state: PipelineState, since: datetime | None) -> None:
        """So that a new leader goes on with the grace period."""
        make = partial(_with_contradiction, judged=state, since=since)
        await write_as_leader(self._repository, self._leadership, pipeline_id, make)

    def _drift_by(
        self, check: _Check, state: PipelineState, pipeline: Pipeline, pipeline_id: PipelineId
    ) -> PipelineFinding | None:
        if not contradicts(state, pipeline):
            return None
        if held := state.finding(Event.DRIFT):
            return held  # also if the intent was unknown when the check began
        if check.contradicts_since is None:
            return None
        return drift(pipeline, check.contradicts_since, self._read_at(pipeline_id))

    def _read_at(self, pipeline_id: PipelineId) -> datetime | None:
        return self._repository.last_read_at(pipeline_id)

    def _next_at(self, pipeline_id: PipelineId, check: _Check) -> datetime:
        """The next moment at which something may be found. One that has passed waits for a reading after it."""
        record, usual = self._repository.record(pipeline_id), check.usual or UNKNOWN
        moments = [] if record.state.finding(Event.STUCK) else [stuck_at(record.state, usual)]
        if check.contradicts_since and record.state.finding(Event.DRIFT) is None:
            moments.append(check.contradicts_since + GRACE)
        episode = deployment_under_way(record)
        if episode and usual.to_live and usual.to_live.is_known and episode.overdue_since is None:
            moments.append(overdue_at(episode.opened_at, usual.to_live))
        soon = self._clock.now() + timedelta(seconds=CHECK_SECONDS)
        return max(soon, min((moment for moment in moments if moment), default=NEVER))


def _as_judged(
    record: Record, routing: Routing, state: PipelineState, findings: list[PipelineFinding], at: datetime
) -> Plan | None:
    """Nothing, if the pipeline has moved on since."""
    if (record.state.phase, record.state.since) != (state.phase, state.since):
        return None
    return plan_findings(record, routing, findings, at, of=OF_DEPLOYMENTS)


def _with_contradiction(record: Record, _: Routing, judged: PipelineState, since: datetime | None) -> Plan | None:
    """Nothing, if the pipeline has moved on since."""
    state = record.state
    if (state.phase, state.since) != (judged.phase, judged.since) or state.contradicts_since == since:
        return None
    return Plan(record=replace(record, state=replace(state, contradicts_since=since)))
