"""Reads and listings for people in a process that does not poll: the leader makes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from bot.domain.cadence import Cadence
from bot.domain.observation import PipelineId
from bot.domain.transition import PipelineState
from bot.monitoring.budget import Budget
from bot.monitoring.outage import reported_problem
from bot.monitoring.promise import Promise
from bot.ports.catalogue import ListingOutcome
from bot.ports.clock import Clock
from bot.ports.details_reads import LogAnswer
from bot.ports.heartbeat_status import HeartbeatStatus
from bot.ports.leader import Leader, LeaderSilent
from bot.ports.status_reads import NO_ANSWER, NO_DATABASE, NOBODY_READS
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.state.repository import Repository

NOBODY_SECONDS = 10.0  # without a heartbeat: by then the lease of the last leader has ended
UNSURE_SECONDS = 2.0  # for an answer meanwhile: a leader that reads all pipelines again records no heartbeat


class FollowerReads:
    """Implements `StatusReads` and `FreshCatalogue`.

    `unrecorded` gets the leader's readings, for answers only. `heartbeat` is what this process knows of the leader.
    """

    def __init__(
        self,
        *,
        leader: Leader,
        repository: Repository,
        unrecorded: dict[PipelineId, PipelineState],
        budget: Budget,
        cadence: Cadence,
        clock: Clock,
        heartbeat: HeartbeatStatus,
    ) -> None:
        self._leader = leader
        self._repository = repository
        self._unrecorded = unrecorded
        self._promise = Promise(repository=repository, budget=budget, cadence=cadence)
        self._clock = clock
        self._heartbeat = heartbeat
        self._waits_until: datetime | None = None

    @property
    def nobody_polls(self) -> bool:
        last = self._heartbeat.last_at
        return last is None or self._clock.now() - last > timedelta(seconds=NOBODY_SECONDS)

    @property
    def still_listing(self) -> bool:
        return self._heartbeat.still_listing and not self.nobody_polls

    @property
    def promised_seconds(self) -> float:
        return self._promise.seconds

    def promised(self, pipeline_id: PipelineId) -> float | None:
        return self._promise.of(pipeline_id, None)

    @property
    def others_read_since(self) -> datetime | None:
        return self._heartbeat.read_since or self._heartbeat.last_at

    @property
    def outage(self) -> str | None:
        return reported_problem(self._repository, self._heartbeat.read_since)

    def waits_until(self) -> datetime | None:
        return self._waits_until if self._waits_until and self._waits_until > self._clock.now() else None

    async def read_now(self, pipeline_id: PipelineId, *, older_than: float = 0.0) -> str | None:
        try:
            return await self.ask(pipeline_id, older_than)
        except (LeaderSilent, StoreAway) as exc:
            return self.why(exc)

    async def refresh(self, *, older_than: float = 0.0) -> ListingOutcome:
        try:
            return await self.ask_for_list(older_than)
        except (LeaderSilent, StoreAway) as exc:
            return ListingOutcome(problem=self.why(exc))

    async def ask(self, pipeline_id: PipelineId, older_than: float) -> str | None:
        """As `read_now`.

        Raises:
            LeaderSilent, StoreAway: nobody read it.
        """
        async with self._patience():
            reply = await self._leader.read(pipeline_id, older_than=older_than)
        self._unrecorded[pipeline_id] = reply.state
        if reply.pipeline:
            self._repository.learn(reply.pipeline)
        self._waits_until = reply.wait_until
        return reply.problem

    async def ask_for_list(self, older_than: float) -> ListingOutcome:
        """As `refresh`.

        Raises:
            LeaderSilent, StoreAway: nobody listed the pipelines.
        """
        async with self._patience():
            outcome = await self._leader.list_pipelines(older_than=older_than)
        await self._repository.catch_up()
        return outcome

    async def ask_for_logs(self, pipeline_id: PipelineId) -> LogAnswer:
        """
        Raises:
            LeaderSilent, StoreAway: nobody read them.
        """
        async with self._patience():
            return await self._leader.logs(pipeline_id)

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(UNSURE_SECONDS if self.nobody_polls else None):
                yield
        except TimeoutError:
            raise LeaderSilent from None

    def why(self, exc: LeaderSilent | StoreAway) -> str:
        """Why nobody read or listed, in words for people."""
        if isinstance(exc, StoreAway):
            emit(StoreUnreachable(component=Component.READS, problem=str(exc)))
            return NO_DATABASE
        return NOBODY_READS if self.nobody_polls else NO_ANSWER
