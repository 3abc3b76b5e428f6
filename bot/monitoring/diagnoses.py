"""Finds out why pipelines failed, on the leader, after their pages are on their way.

Level-triggered: each open failure without a diagnosis is due, so restarts and lost leases lose nothing.
"""

import asyncio
from collections import deque
from contextlib import suppress
from heapq import heappop, heappush

from bot.domain.diagnosis import Diagnosis, LeftOut, LogOutcome
from bot.domain.diagnosis_plan import plan_diagnosed
from bot.domain.episode import Episode, EpisodeKind, diagnosable, open_failure
from bot.domain.observation import PipelineId
from bot.domain.plan import Plan, Record
from bot.domain.routing import Routing
from bot.monitoring.breaker import CircuitBreaker
from bot.monitoring.diagnosis_needs import DiagnosisNeeds, Need
from bot.monitoring.diagnosis_reader import DiagnosisReader
from bot.monitoring.ended_failures import EndedFailures
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.store_errors import LeadershipLost, StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.diagnoses import Diagnosed, DiagnosisCrashed
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.state.repository import Repository

SERVE_SECONDS = 0.5
PAGES_FIRST_SECONDS = 1.0  # after the write of a failure
SWEEP_SECONDS = 5.0  # between two searches of all open failures
AT_ONCE = 3
IN_ONE_GO = 1000  # failures between two turns of the event loop
POSTPONED_SECONDS = 2.0  # after a write that failed

Urgency = tuple[bool, bool, float]
"""The order of reads: failures that page, then the newest. Further reads for a stored diagnosis come last."""


class Diagnoses:
    """`notice` remembers a failure, `serve` begins its diagnosis a second later, and `run` holds the reads under way.

    Pages come first, then the newest failures. The result is stored 8 s after its reads began, with what has come.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        reader: DiagnosisReader,
        breaker: CircuitBreaker,
        leadership: LeadershipStatus,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._reader = reader
        self._breaker = breaker
        self._leadership = leadership
        self._clock = clock
        self._needs = DiagnosisNeeds()
        self._queue: list[tuple[Urgency, PipelineId]] = []
        """A heap. `serve` finds all of them again, so one that needs nothing when its turn comes is dropped."""
        self._queued: set[PipelineId] = set()
        self._fresh: deque[tuple[float, PipelineId]] = deque()
        """Whose plans were just written, and when their pages have had their time."""
        self._under_way: dict[PipelineId, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._swept_at = float("-inf")
        self._ended = EndedFailures(repository, leadership, clock)

    async def run(self, stopped: asyncio.Event) -> None:
        """Runs the reads. When `stopped` is set, it drops those under way: the next leader begins again."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                await stopped.wait()
            finally:
                self._tasks = None  # a group that ends takes no more tasks
            for task in self._under_way.values():
                task.cancel()
        await self._reader.close()

    def notice(self, record: Record) -> None:
        """A plan was just written for this record. Its pages get the CPU and Slack first."""
        if record.episode and record.episode.kind is EpisodeKind.FAILURE:
            self._fresh.append((self._clock.monotonic() + PAGES_FIRST_SECONDS, record.pipeline_id))

    async def serve(self) -> None:
        """Finds failures without a diagnosis, such as after a restart or an outage, and logs to read again."""
        now = self._clock.monotonic()
        while self._fresh and self._fresh[0][0] <= now:
            pipeline_id = self._fresh.popleft()[1]
            self._ended.note(pipeline_id)
            self._enqueue(pipeline_id)
        if now - self._swept_at >= SWEEP_SECONDS and self._leadership.is_leader:
            self._swept_at = now
            await self._sweep()
        self._begin_due()

    async def _sweep(self) -> None:
        failed = {episode.pipeline_id: episode for episode in self._repository.open_episodes if open_failure(episode)}
        ended = await self._ended.without_log()
        self._needs.keep(failed.keys() | ended)
        unfinished = {pipeline_id for pipeline_id, episode in failed.items() if not _is_finished(episode)} | ended
        waiting = {pipeline_id for _, pipeline_id in self._fresh}
        for place, pipeline_id in enumerate(unfinished - self._queued - self._under_way.keys() - waiting, 1):
            self._enqueue(pipeline_id)
            if place % IN_ONE_GO == 0:
                await asyncio.sleep(0)
        with suppress(StoreAway):  # the next search does the rest
            await self._ended.shorten()

    def _enqueue(self, pipeline_id: PipelineId) -> None:
        need, episode = self._needed(pipeline_id), self._repository.record(pipeline_id).episode
        if need and episode and pipeline_id not in self._queued:
            self._queued.add(pipeline_id)
            heappush(
                self._queue, ((need is not Need.ALL, not episode.pages, -episode.began_at.timestamp()), pipeline_id)
            )

    def _begin_due(self) -> None:
        if self._tasks is None or not self._leadership.is_leader or self._breaker.is_open:
            return
        while self._queue and len(self._under_way) < AT_ONCE:
            _, pipeline_id = heappop(self._queue)
            self._queued.discard(pipeline_id)
            if pipeline_id not in self._under_way and self._needed(pipeline_id):
                self._under_way[pipeline_id] = self._tasks.create_task(self._diagnose(pipeline_id), name="diagnosis")

    def _needed(self, pipeline_id: PipelineId) -> Need | None:
        if not self._repository.follows(pipeline_id):
            return None
        record = self._repository.record(pipeline_id)
        log_at = self._reader.log_read_at(pipeline_id)
        return self._needs.of(record, self._clock.now(), self._clock.monotonic(), log_at)

    async def _diagnose(self, pipeline_id: PipelineId) -> None:
        try:
            record, need = self._repository.record(pipeline_id), self._needed(pipeline_id)
            if need and (episode := diagnosable(record.episode)):
                began = self._clock.monotonic()
                self._needs.began(record, began, self._reader.log_read_at(pipeline_id))
                diagnosis = await self._read(record, episode, need)
                if diagnosis and not await self._write(pipeline_id, diagnosis, began):
                    self._needs.postpone(pipeline_id, self._clock.monotonic() + POSTPONED_SECONDS)
        except StoreAway as exc:
            self._needs.postpone(pipeline_id, self._clock.monotonic() + POSTPONED_SECONDS)
            emit(StoreUnreachable(component=Component.MONITORING, problem=str(exc), pipeline=pipeline_id))
        except Exception as exc:  # noqa: BLE001 (a supervisor: the record has the exception)
            self._needs.crashed(pipeline_id)
            emit(DiagnosisCrashed(pipeline=pipeline_id, exception=exc))
        finally:
            self._under_way.pop(pipeline_id, None)
            self._enqueue(pipeline_id)  # it may have failed again meanwhile
            self._begin_due()

    async def _read(self, record: Record, episode: Episode, need: Need) -> Diagnosis | None:
        """None: it adds nothing to the stored diagnosis."""
        known = episode.diagnosis
        if need is Need.ALL or known is None:
            return await self._reader.read_all(episode)
        again = await self._reader.read_again(episode, log=need is Need.LOG)
        if again.log_asked:
            self._needs.asked_for_log(record)
        if LeftOut.PAST in again.diagnosis.left_out:
            self._needs.past_is_away(record.pipeline_id, self._clock.monotonic())
        if again.changes_unread:
            self._needs.configuration_failed(record.pipeline_id, self._clock.monotonic())
        if again.diagnosis.adds_to(known):
            return again.diagnosis
        self._needs.read(record.pipeline_id, set(known.left_out) - set(again.diagnosis.left_out))
        return None

    async def _write(self, pipeline_id: PipelineId, diagnosis: Diagnosis, began: float) -> bool:
        """False: the failure is over, or this bot leads no longer.

        Raises:
            StoreAway: it may or may not be written. The next attempt finds out.
        """
        lease = self._leadership.lease
        if lease is None:
            return False

        def plan(record: Record, routing: Routing) -> Plan | None:
            return plan_diagnosed(record, routing, diagnosis) if self._leadership.is_leader else None

        try:
            written = await self._repository.write(pipeline_id, plan, lease=lease)
        except LeadershipLost:
            return False
        if written is None:
            return False
        seconds, cause = round(self._clock.monotonic() - began, 3), diagnosis.cause or None
        emit(Diagnosed(pipeline=pipeline_id, log=diagnosis.log, cause=cause, seconds=seconds))
        return True


def _is_finished(episode: Episode) -> bool:
    """True if its diagnosis needs no more reads: so it is with most failures that last."""
    known = episode.diagnosis
    complete = known is not None and known.log is LogOutcome.READ and not known.left_out
    return complete and known is not None and known.began_at == episode.began_at
