"""Measures the watched pipelines that run, every few minutes, within a tenth of the budget.

The diagnosis of a failure compares with `Measurements.earlier(pipeline_id, before)`: a measurement of the last hour
before that time, if there is one.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from heapq import nsmallest

from bot.domain.catalogue import Pipeline
from bot.domain.chains import find_chain
from bot.domain.finding_plan import OF_LAG, plan_chain_card, plan_findings
from bot.domain.lag import Judgement, judge
from bot.domain.lag_findings import lag_findings
from bot.domain.measurement import Measurement, plausible
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record
from bot.domain.routing import Routing
from bot.domain.transition import Event, PipelineState, Reach
from bot.monitoring.budget import Budget, Route
from bot.monitoring.chain_reads import ChainReads
from bot.monitoring.leader_writes import write_as_leader
from bot.monitoring.measuring_times import MeasuringTimes, place_in_period
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.measurement_store import MeasuredPipeline, MeasurementStore
from bot.ports.pipeline_api import ApiError
from bot.ports.pipeline_details import PipelineDetails
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import MeasuringSlow
from bot.state.repository import Repository

RECENT = timedelta(minutes=70)  # "in the last hour", although measurements come every few minutes
MOST_RECENT = 14
CHOOSE_SECONDS = 300.0  # between two choices of the pipelines of a large fleet
CHOSEN_AT_ONCE = 2000  # leaves the event loop its turns
FORGOTTEN_AFTER = timedelta(days=8)  # without a measurement: not watched any more, gone, or long at rest
FORGET_SECONDS = 6 * 3600.0


class Measurements:
    """Only the leader measures. It keeps all in memory, and a copy in the store for the next leader."""

    def __init__(
        self,
        *,
        details: PipelineDetails,
        chains: ChainReads,
        repository: Repository,
        store: MeasurementStore,
        budget: Budget,
        clock: Clock,
        leadership: LeadershipStatus,
        seconds: float,
    ) -> None:
        self._details = details
        self._chains = chains
        self._repository = repository
        self._store = store
        self._budget = budget
        self._clock = clock
        self._leadership = leadership
        self._times = MeasuringTimes(seconds, budget.full_rate, clock.monotonic())
        self._followed_version = -1
        self._follow_at = float("-inf")
        self._epoch: object = None
        """Of the lease under which `_measured` was loaded."""
        self._measured: dict[PipelineId, MeasuredPipeline] = {}
        self._interrupted: set[PipelineId] = set()
        """Not running when their turn came: the next measurement begins again."""
        self._told_period = 0.0
        self._forget_at = float("-inf")

    def are_loaded(self) -> bool:
        """True if this bot leads, and knows what the leader before it has measured."""
        lease = self._leadership.lease
        return lease is not None and lease.token == self._epoch

    def recent(self, pipeline_id: PipelineId) -> Sequence[Measurement]:
        """Of about the last hour, oldest first. Empty if another bot leads."""
        measured = self._measured.get(pipeline_id)
        return measured.recent if measured else ()

    async def earlier(self, pipeline_id: PipelineId, before: datetime) -> Measurement | None:
        """The oldest measurement of the last hour before `before`. None if there is none, or another bot leads."""
        return next((one for one in self.recent(pipeline_id) if before - RECENT <= one.at < before), None)

    async def run(self) -> None:
        """Measures the pipelines that are due. Runs every second on the leader.

        Raises:
            StoreAway: what was measured stays in memory, and is written with the next measurement.
        """
        await self._take_over()
        await self._forget_old()
        await self._follow()
        self._report_period()
        due = self._due()
        if not due:
            return
        chains_answered = await self._chains.refresh({self._repository.pipeline(one).chain for one in due} - {""})
        results = await asyncio.gather(*(self._measure(pipeline_id) for pipeline_id in due))
        fresh = {pipeline_id: measured for pipeline_id, measured in zip(due, results, strict=True) if measured}
        if self._leadership.is_leader and (fresh or chains_answered):
            await self._store.save_measured(fresh, self._chains.known.values() if chains_answered else None)

    async def _take_over(self) -> None:
        """Loads what the leader before has learned."""
        lease = self._leadership.lease
        token = lease and lease.token
        if token is None or token == self._epoch:
            return
        self._measured = dict(await self._store.measured())
        self._chains.load(await self._store.chains())
        self._epoch, self._forget_at = token, float("-inf")

    async def _forget_old(self) -> None:
        """Bounds what the bot keeps, also while one bot leads for months."""
        if self._clock.monotonic() < self._forget_at:
            return
        before = self._clock.now() - FORGOTTEN_AFTER
        old = {one for one, measured in self._measured.items() if _measured_at(measured) < before}
        if old:
            await self._store.save_measured({}, forgotten=old)
        for pipeline_id in old:
            del self._measured[pipeline_id]
        self._interrupted &= self._measured.keys()
        self._forget_at = self._clock.monotonic() + FORGET_SECONDS

    async def _follow(self) -> None:
        """Keeps up with the watches. Of a large fleet, it chooses from time to time which running ones it
        measures."""
        now, pollable = self._clock.monotonic(), self._repository.pollable
        is_large = len(pollable) > self._times.most
        if now < self._follow_at or (self._followed_version == self._repository.pollable_version and not is_large):
            return
        self._follow_at = now + CHOOSE_SECONDS if is_large else now
        self._followed_version = self._repository.pollable_version
        self._times.follow(await self._chosen() if is_large else pollable, now)

    async def _chosen(self) -> set[PipelineId]:
        """As many running pipelines as can be measured. Always the same ones, as long as they run."""
        running: list[PipelineId] = []
        pollable = list(self._repository.pollable)
        for first in range(0, len(pollable), CHOSEN_AT_ONCE):
            part = pollable[first : first + CHOSEN_AT_ONCE]
            running += (one for one in part if _runs(self._repository.state_but_time(one)))
            await asyncio.sleep(0)
        return set(nsmallest(self._times.most, running, place_in_period))

    def _due(self) -> list[PipelineId]:
        due, now = [], self._clock.monotonic()
        while (pipeline_id := self._times.next(now)) is not None:
            runs = _runs(self._repository.state_but_time(pipeline_id))
            if runs and not self._budget.try_take_spare(Route.METRICS):
                break
            self._times.postpone(now, measured=runs)
            if runs:
                due.append(pipeline_id)
            else:
                self._interrupted.add(pipeline_id)
        return due

    async def _measure(self, pipeline_id: PipelineId) -> MeasuredPipeline | None:
        try:
            now = plausible(await self._details.metrics(pipeline_id, self._clock.now()), self.recent(pipeline_id))
        except ApiError as exc:
            self._budget.obey(Route.METRICS, exc)
            return None
        state = self._repository.state_but_time(pipeline_id)
        if not _runs(state):
            return None
        pipeline = self._repository.pipeline(pipeline_id)
        before = self._measured.get(pipeline_id)
        pace, judgement = judge(
            before.pace if before else None,
            now,
            find_chain(pipeline.chain, self._chains.fresh),
            self._thresholds(pipeline),
            deployed_at=now.at if pipeline_id in self._interrupted else _deployed_at(state),
            bounded=pipeline.bounded,
        )
        self._interrupted.discard(pipeline_id)
        recent = [one for one in (before.recent if before else ()) if now.at - one.at <= RECENT]
        measured = MeasuredPipeline(pace=pace, recent=(*recent[1 - MOST_RECENT :], now))
        self._measured[pipeline_id] = measured
        await self._report(pipeline_id, judgement, now.at)
        return measured

    def _thresholds(self, pipeline: Pipeline) -> set[int]:
        """In seconds, of every watch that hears of a lag or pages for it."""
        watches = self._repository.watches_of(pipeline)
        hearing = (watch for watch in watches if watch.wants(Event.LAGGING) or watch.pages(Event.LAGGING))
        return {int(watch.least_lag.total_seconds()) for watch in hearing}

    async def _report(self, pipeline_id: PipelineId, judgement: Judgement, at: datetime) -> None:
        """Brings the cards in line with the judgement. A write that fails is made up for by the next measurement."""
        held = any(finding.event in OF_LAG for finding in self._repository.state_but_time(pipeline_id).findings)
        if not (held or judgement.over or judgement.stalled_since):
            return

        def plan(record: Record, routing: Routing) -> Plan | None:
            findings = lag_findings(judgement, record.state, at)
            plan = plan_findings(record, routing, findings, at, of=OF_LAG)
            is_late = judgement.lag is not None and judgement.lag.is_of_the_chain
            return plan or (plan_chain_card(record, routing) if is_late else None)

        with suppress(StoreAway):
            await write_as_leader(self._repository, self._leadership, pipeline_id, plan)

    def _report_period(self) -> None:
        """Tells the operator once that so many pipelines share the measurements."""
        period = self._times.period
        if not self._times.is_stretched or period < self._told_period * 1.5:
            return
        self._told_period = period
        emit(
            MeasuringSlow(
                pipelines=len(self._repository.pollable),
                measured=self._times.measured,
                each_measured_every_seconds=round(period),
            )
        )


def _measured_at(measured: MeasuredPipeline) -> datetime:
    """The pace ignores measurements that don't say whether the pipeline moves."""
    return max(measured.pace.last.at, *(one.at for one in measured.recent[-1:]))


def _runs(state: PipelineState) -> bool:
    return state.phase is Phase.RUNNING and state.live is not False and state.reach is Reach.REACHABLE


def _deployed_at(state: PipelineState) -> datetime | None:
    times = [moment for moment in (state.since, state.start_time) if moment]
    return max(times, default=None)
