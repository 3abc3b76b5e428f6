"""Decides which pipeline to read next: the most overdue first, within the budget."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from bot.domain.cadence import Cadence, period, stretch
from bot.domain.observation import PipelineId, ReadSequence
from bot.monitoring.breaker import ApiHealth, CircuitBreaker
from bot.monitoring.budget import Budget, Route
from bot.monitoring.catalogue import PATIENCE_SECONDS, CatalogueSync
from bot.monitoring.due_times import DueTimes
from bot.monitoring.outage import OutageNotices
from bot.monitoring.people_reads import PeopleReads
from bot.monitoring.recorder import Recorder
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.reads import Readers, ReadRequest, ReadResult
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ReadCrashed
from bot.ports.telemetry.store import StoreUnreachable
from bot.state.repository import Repository

HOUSEKEEPING_SECONDS = 1.0
LONG_WAIT_SECONDS = 10.0  # the bot reports a longer wait, once readings are older than promised
PERSON_SECONDS = 30.0  # the longest wait of a person's read for the budget


@dataclass(slots=True, kw_only=True)
class _UnderWay:
    """A read that has begun, `since` in monotonic seconds."""

    request: ReadRequest
    since: float
    first: bool
    """The first read of this pipeline in this epoch."""
    problem: asyncio.Future[str | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Set at the end of the read: its problem in words for people, or None."""


class Scheduler:
    """Polls the watched pipelines, and reads single ones for people.

    `tick` runs several times a second and starts reads. The reads run inside `run`. `slots` limits
    the polling's reads at once. Only the leader polls; every bot reads for people.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        readers: Readers,
        recorder: Recorder,
        breaker: CircuitBreaker,
        outage: OutageNotices,
        catalogue: CatalogueSync,
        budget: Budget,
        clock: Clock,
        cadence: Cadence,
        leadership: LeadershipStatus,
        slots: int,
    ) -> None:
        self._repository = repository
        self._readers = readers
        self._recorder = recorder
        self._breaker = breaker
        self._outage = outage
        self._catalogue = catalogue
        self._budget = budget
        self._clock = clock
        self._cadence = cadence
        self._leadership = leadership
        self._slots = slots
        self.epoch = 0
        """Orders this bot's readings after those of the leader before it."""
        self._numbers = count(1)
        self._due = DueTimes()
        self._under_way: dict[PipelineId, _UnderWay] = {}
        self._people = PeopleReads()
        self._records: asyncio.TaskGroup | None = None
        self._stopping = False
        self._housekept_at = float("-inf")
        self._welcomed = -1

    async def run(self, stopped: asyncio.Event) -> None:
        """Runs the reads. Returns after `stopped` is set and the last read has ended."""
        async with asyncio.TaskGroup() as self._records, self._readers.running():
            await stopped.wait()
            self._stopping = True

    def take_over(self, epoch: int) -> None:
        """This bot leads from now on. Every pipeline is due; the budget spreads the reads."""
        self.epoch = epoch
        self._due.make_all_due(self._clock.monotonic())

    # --- answers about the polling ---------------------------------------------------------------------------------

    @property
    def stretch(self) -> float:
        """The factor by which all periods have grown to fit the budget."""
        return self._due.stretch

    @property
    def polls(self) -> bool:
        """True if this bot polls, so that its readings are as fresh as promised."""
        return self._leadership.is_leader

    @property
    def outage(self) -> str | None:
        """The API's problem, while the bot can't read it."""
        return self._breaker.problem if self._breaker.is_open else None

    def promised(self) -> Mapping[PipelineId, float]:
        """How old, in seconds, each reading may grow while all goes well. The same on bots that do not lead."""
        periods = {pipeline_id: self._period(pipeline_id) for pipeline_id in self._repository.pollable}
        factor = stretch(periods.values(), self._budget.rate)
        return {pipeline_id: seconds * factor for pipeline_id, seconds in periods.items()}

    def unread_since(self, moment: float) -> frozenset[PipelineId]:
        """The polled pipelines without a read since `moment`, in monotonic seconds."""
        return self._due.unread_since(self._repository.pollable, moment)

    def waits_until(self) -> datetime | None:
        """The end of a wait that GoldRush asked for, if it is longer than a person's patience."""
        hold = self._budget.current_hold(Route.STATUS)
        seconds = hold[1] - self._clock.monotonic() if hold else 0.0
        return self._clock.now() + timedelta(seconds=seconds) if seconds > PATIENCE_SECONDS else None

    # --- polling ---------------------------------------------------------------------------------------------------

    async def tick(self) -> None:
        """Starts the due reads, most overdue first, as far as budget and slots allow."""
        if not self._reads or not self._leadership.is_leader:
            return
        now = self._clock.monotonic()
        self._give_up_lost(now)
        if now - self._housekept_at >= HOUSEKEEPING_SECONDS:
            self._housekept_at = now
            try:
                await self._housekeep(now)
            except StoreAway as exc:
                emit(StoreUnreachable(component="monitoring", problem=str(exc)))
                return  # the bot could not write a reading now
            self._update_due_times(now)
        due = self._most_overdue(now)
        for pipeline_id in due[:1] if self._breaker.is_open else due:
            if len(self._under_way) - len(self._people) >= self._slots or not self._budget.try_take(Route.STATUS):
                return
            self._start(pipeline_id)

    async def _housekeep(self, now: float) -> None:
        await self._repository.refresh_watches()
        await self._welcome()
        await self._notice_wait(now)

    async def _welcome(self) -> None:
        """Opens cards for new watches. Also for those of a bot that died before it did so."""
        version = self._repository.watches.version
        if version != self._welcomed:
            await self._repository.welcome()
            self._welcomed = version

    async def _notice_wait(self, now: float) -> None:
        """No read fails during a wait, so only this check notices that the bot reads nothing."""
        hold = self._budget.current_hold(Route.STATUS)
        reported = self._breaker.health is ApiHealth.WAITING
        if hold and hold[1] - hold[0] > LONG_WAIT_SECONDS and (reported or self._due.is_any_late(now)):
            self._breaker.record_wait(self._clock.now() + timedelta(seconds=hold[1] - now))
            await self._outage.report(len(self._due))

    def _update_due_times(self, now: float) -> None:
        pollable = self._repository.pollable
        for dropped in self._due.follow(pollable, now):
            self._recorder.forget(dropped)
        periods = {pipeline_id: self._period(pipeline_id) for pipeline_id in pollable}
        self._due.fit(periods, self._budget.rate, advance=not self._breaker.is_open)

    def _most_overdue(self, now: float) -> list[PipelineId]:
        due = [pipeline_id for pipeline_id in self._due.overdue(now) if pipeline_id not in self._under_way]
        return sorted(
            due,
            key=lambda pipeline_id: (
                self._due.due_at(pipeline_id),
                self._repository.record(pipeline_id).state.sequence,
            ),
        )

    def _period(self, pipeline_id: PipelineId) -> float:
        return period(self._repository.record(pipeline_id).state, self._clock.now(), self._cadence)

    async def refresh_catalogue(self) -> None:
        """Lists the pipelines.

        Raises:
            StoreAway: a later listing reports an outage.
        """
        listed = await self._catalogue.refresh()
        if not self._repository.pollable:
            await self._recorder.record_listing(listed)

    # --- one read --------------------------------------------------------------------------------------------------

    async def read_now(self, pipeline_id: PipelineId) -> str | None:
        """Reads for a person, or joins a read that is under way. Returns the problem, if any."""
        under_way = self._under_way.get(pipeline_id)
        if under_way is None:
            async with self._people.slot(pipeline_id) as slot:
                if self.waits_until() or not await self._budget.take(Route.STATUS, PERSON_SECONDS):
                    return self._breaker.problem or "GoldRush asked me to slow down"
                under_way = self._under_way.get(pipeline_id)
                if under_way is None and self._reads:
                    under_way = self._start(pipeline_id)
                    slot.assign()
        problem = await asyncio.shield(under_way.problem) if under_way else "the bot is just stopping"
        await self._recorder.confirm_intent(pipeline_id)
        return problem

    @property
    def _reads(self) -> bool:
        """True while reads may start."""
        return self._records is not None and not self._stopping

    def _start(self, pipeline_id: PipelineId) -> _UnderWay:
        first = self._repository.record(pipeline_id).state.sequence.epoch < self.epoch
        request = ReadRequest(pipeline_id=pipeline_id, sequence=ReadSequence(self.epoch, next(self._numbers)))
        under_way = _UnderWay(request=request, since=self._clock.monotonic(), first=first)
        self._under_way[pipeline_id] = under_way
        self._readers.start((request,), self._on_result)
        return under_way

    def _on_result(self, result: ReadResult) -> None:
        if self._records:
            self._records.create_task(self._record(result))

    async def _record(self, result: ReadResult) -> None:
        was_open = self._breaker.is_open
        problem = await self._recorded(result)
        recovered = was_open and not self._breaker.is_open
        under_way = self._under_way.get(result.request.pipeline_id)
        if under_way and under_way.request == result.request:  # else the read counted as lost
            self._end(under_way, problem, recovered=recovered)

    async def _recorded(self, result: ReadResult) -> str | None:
        pipeline_id = result.request.pipeline_id
        try:
            return await self._recorder.record(result, unread=len(self._due))
        except StoreAway as exc:
            emit(StoreUnreachable(component="monitoring", pipeline=pipeline_id, problem=str(exc)))
            return "the store is away, so this reading could not be kept"
        except Exception as exc:  # noqa: BLE001 (a supervisor: the record has the exception)
            emit(ReadCrashed(pipeline=pipeline_id, exception=exc))
            return "an error of the bot itself; its log has it"

    def _give_up_lost(self, now: float) -> None:
        """Ends the reads of lost readers, so that the pipelines are due again."""
        while self._under_way:
            oldest = next(iter(self._under_way.values()))
            if now - oldest.since <= self._readers.lost_after:
                return
            self._end(oldest, "the reader of this pipeline stopped", recovered=False)

    def _end(self, under_way: _UnderWay, problem: str | None, *, recovered: bool) -> None:
        pipeline_id = under_way.request.pipeline_id
        del self._under_way[pipeline_id]
        self._people.ended(pipeline_id)
        if not under_way.problem.done():
            under_way.problem.set_result(problem)
        self._schedule(pipeline_id, first=under_way.first, recovered=recovered)

    def _schedule(self, pipeline_id: PipelineId, *, first: bool, recovered: bool) -> None:
        now = self._clock.monotonic()
        self._due.mark_read(pipeline_id, now)
        if recovered:
            self._due.make_all_due(now)
        if pipeline_id not in self._due:
            return
        if self._breaker.is_open:
            self._due.put_all_off(now + self._breaker.probe_seconds)
        else:
            self._due.set_next(pipeline_id, self._period(pipeline_id), now, first=first)
