"""Decides which pipeline to read next: the earliest due first, within the budget."""

import asyncio
from datetime import datetime, timedelta
from math import ceil

from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.monitoring.breaker import ApiHealth, CircuitBreaker
from bot.monitoring.budget import Budget, Route
from bot.monitoring.catalogue import PATIENCE_SECONDS, CatalogueSync
from bot.monitoring.outage import OutageNotices
from bot.monitoring.people_slots import PeopleSlots
from bot.monitoring.polled_fleet import PolledFleet
from bot.monitoring.promise import Promise
from bot.monitoring.reader_silence import ReaderSilence
from bot.monitoring.reads_under_way import ReadsUnderWay, UnderWay
from bot.monitoring.recorder import Recorder
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.pipeline_api import NEEDS_OPERATOR, Status, Throttled
from bot.ports.polling import Lateness
from bot.ports.reads import Readers, ReadRequest, ReadResult, Unread
from bot.ports.status_reads import NO_ANSWER, NO_DATABASE
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ReadCrashed
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.state.repository import Repository

TICK_SECONDS = 0.25
MOST_AT_ONCE = 64  # reads that start in one step of the loop, unless the budget needs more
SLICES = 10  # of a tick, at most: a large budget is spent evenly within it
READS_A_SLICE = 48  # or fewer: reads that start together cost less CPU
HOUSEKEEPING_SECONDS = 1.0
LONG_WAIT_SECONDS = 10.0  # the bot reports a longer wait, once readings are older than promised
SILENCE_SECONDS = 15.0  # of all readers; one that took over a dead reader's batch answers before
JOIN_SECONDS = 2.0  # a person's wait for a polled read: then its reader may be dead
PERSON_SECONDS = 30.0  # the longest wait of a person's read for the budget
OWN_ERROR = f"I ran into an internal error. {NEEDS_OPERATOR}"


class Scheduler:
    """Polls the watched pipelines with `readers`, and reads single ones for people with `people_readers`.

    `people_readers` run in this process. `tick` runs several times a second and starts reads. The reads run inside
    `run`. `slots` limits the polling's reads at once. Only the leader polls; every bot reads for people.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        readers: Readers,
        people_readers: Readers,
        recorder: Recorder,
        breaker: CircuitBreaker,
        outage: OutageNotices,
        promise: Promise,
        catalogue: CatalogueSync,
        budget: Budget,
        clock: Clock,
        fleet: PolledFleet,
        leadership: LeadershipStatus,
        slots: int,
    ) -> None:
        self._repository = repository
        self._readers = readers
        self._people_readers = people_readers
        self._recorder = recorder
        self._breaker = breaker
        self._outage = outage
        self._catalogue = catalogue
        self._budget = budget
        self._clock = clock
        self._promise = promise
        self._fleet = fleet
        self._leadership = leadership
        self._slots = slots
        self.epoch = 0  # orders this bot's readings after those of the leader before it
        self._silent_until = float("-inf")
        """During an outage, when the next probe is due."""
        self._silence = ReaderSilence()
        self._under_way = ReadsUnderWay()
        self._people = PeopleSlots()
        self._records: asyncio.TaskGroup | None = None
        self._stopping = False
        self._housekept_at = float("-inf")
        self._welcomed = -1

    async def run(self, stopped: asyncio.Event) -> None:
        """Runs the reads. Returns after `stopped` is set and the last read has ended."""
        async with asyncio.TaskGroup() as self._records, self._readers.running(), self._people_readers.running():
            await stopped.wait()
            self._stopping = True

    def take_over(self, epoch: int, *, late: bool) -> None:
        """This bot leads from now on. It reads every pipeline, evenly within the budget, the oldest reading first.

        If no other bot led meanwhile, its due times still apply.
        """
        if epoch != self.epoch + 1:
            self._fleet.restart()
        self.epoch = epoch
        self._promise.take_over(late=late)
        self._silence.restart()
        self._fleet.follow_listing()

    # --- answers about the polling ---------------------------------------------------------------------------------

    @property
    def promised_seconds(self) -> float:
        return self._promise.seconds

    def promised(self, pipeline_id: PipelineId) -> float | None:
        return self._promise.of(pipeline_id, self._fleet.due.period(pipeline_id))

    def lateness(self) -> Lateness | None:
        return self._promise.lateness(self._fleet.due, self._clock.monotonic())

    @property
    def outage(self) -> str | None:
        """The API's problem in words for people, while this bot polls and can't read it."""
        return self._breaker.plain if self._leadership.is_leader and self._breaker.is_open else None

    @property
    def unanswered_seconds(self) -> float:
        """How long readers in other processes have answered no read; 0 if they answer."""
        return self._silence.seconds(self._clock.monotonic())

    def unread_since(self, moment: float) -> frozenset[PipelineId]:
        """The polled pipelines without a read since `moment`, in monotonic seconds."""
        return frozenset(one for one in self._repository.pollable if not self._fleet.due.is_read_since(moment, one))

    def waits_until(self) -> datetime | None:
        """The end of a wait that GoldRush asked for, if it is longer than a person's patience."""
        hold = self._budget.current_hold(Route.STATUS)
        seconds = hold[1] - self._clock.monotonic() if hold else 0.0
        return self._clock.now() + timedelta(seconds=seconds) if seconds > PATIENCE_SECONDS else None

    # --- polling ---------------------------------------------------------------------------------------------------

    async def tick(self) -> None:
        """Starts the due reads, as far as budget and slots allow. Spreads many of them over a tick."""
        if not self._reads:
            return
        now = self._clock.monotonic()
        self._give_up_lost(now)
        if not self._leadership.is_leader:
            self._silence.excuse(now)
            return
        if now - self._housekept_at >= HOUSEKEEPING_SECONDS:
            self._housekept_at = now
            try:
                await self._housekeep(now)
            except StoreAway as exc:
                self._silence.excuse(self._clock.monotonic())
                emit(StoreUnreachable(component=Component.MONITORING, problem=str(exc)))
                return  # the bot could not write a reading now
            self._fleet.fit(now)
            self._promise.report_slow(now)
            if not self._breaker.is_open:
                self._promise.judge(self._fleet.due, now)
        self._fleet.follow(now)
        await self._fleet.settle(TICK_SECONDS / 2)
        self._start_due()
        slices = min(SLICES, ceil(self._budget.full_rate * TICK_SECONDS / READS_A_SLICE))
        seconds, loop = TICK_SECONDS / slices, asyncio.get_running_loop()
        for number in range(1, slices):
            loop.call_later(number * seconds, self._start_slice, loop.time() + (number + 1) * seconds)

    def _start_slice(self, until: float) -> None:
        """A late slice starts nothing: on a busy machine, the reads under way and people's answers come first."""
        if asyncio.get_running_loop().time() < until:
            self._start_due()

    def _start_due(self) -> None:
        now, due = self._clock.monotonic(), self._fleet.due
        self._fleet.follow(now)
        most = max(MOST_AT_ONCE, ceil(2 * self._budget.full_rate * TICK_SECONDS / SLICES))
        most = min(most, self._free_slots(now))
        batch: list[ReadRequest] = []
        while len(batch) < most and due.next_due() <= now and self._budget.try_take(Route.STATUS):
            pipeline_id = due.take_next(now)
            if pipeline_id and pipeline_id not in self._repository.pollable:
                due.drop((pipeline_id,))  # at once: if somebody watches it again, it is a newcomer
            elif pipeline_id and pipeline_id not in self._under_way:
                batch.append(self._under_way.begin(pipeline_id, self.epoch, now).request)
        if batch:
            self._readers.start(batch, self._on_polled)

    def _free_slots(self, now: float) -> int:
        """How many reads may start. During an outage, polling only probes: one read at a time."""
        if not self._reads or not self._leadership.is_leader or now < self._silent_until:
            return 0
        return (1 if self._breaker.is_open else self._slots) - (len(self._under_way) - len(self._people))

    async def _housekeep(self, now: float) -> None:
        await self._repository.refresh_watches()
        await self._welcome()
        await self._notice_wait(now)
        await self._notice_silence()

    async def _welcome(self) -> None:
        """Opens cards for new watches. Also for those of a bot that died before it did so."""
        version = self._repository.watches.version
        if version != self._welcomed:
            await self._repository.welcome()
            self._welcomed = version

    async def _notice_wait(self, now: float) -> None:
        """No read fails during a wait. So this reports a wait at whose end readings will be older than promised."""
        hold = self._budget.current_hold(Route.STATUS)
        reported = self._breaker.health is ApiHealth.WAITING
        if hold and hold[1] - hold[0] > LONG_WAIT_SECONDS and (reported or self._fleet.due.is_any_late(hold[1])):
            self._breaker.record_wait(self._clock.now() + timedelta(seconds=hold[1] - now))
            await self._outage.report(len(self._fleet.due))

    async def _notice_silence(self) -> None:
        """No read ends while all readers are silent, so this reports it."""
        if self.unanswered_seconds >= SILENCE_SECONDS:
            self._breaker.record_no_reader()
        if self._breaker.health is ApiHealth.NO_READER:
            await self._outage.report(len(self._fleet.due))

    async def refresh_catalogue(self) -> None:
        """Lists the pipelines.

        Raises:
            StoreAway: a later listing reports an outage.
        """
        listed = await self._catalogue.list_all()
        self._fleet.follow_listing()
        if not self._repository.pollable:
            await self._recorder.record_listing(listed)

    # --- one read --------------------------------------------------------------------------------------------------

    async def read_now(self, pipeline_id: PipelineId) -> str | None:
        """Reads for a person, or joins a read that is under way. Returns the problem, if any."""
        read = self._under_way.of(pipeline_id)
        if read is None or await self._is_held(read):
            async with self._people.slot(pipeline_id) as slot:
                if self.waits_until() or not await self._budget.take(Route.STATUS, PERSON_SECONDS):
                    return self._breaker.plain or self._budget.why_none(Route.STATUS)
                earlier, read = read, self._under_way.of(pipeline_id)
                if (read is None or read is earlier) and self._reads:
                    now = self._clock.monotonic()
                    read = self._under_way.begin(pipeline_id, self.epoch, now)
                    slot.assign()
                    self._fleet.due.take(pipeline_id, now)
                    self._people_readers.start((read.request,), self._on_result)
        problem = await read.wait() if read else "I'm just stopping"
        await self._recorder.confirm_intent(pipeline_id)
        return problem

    async def _is_held(self, read: UnderWay) -> bool:
        """Waits for a read in another process. True if it brought no result in time: its reader may be dead."""
        if read.request.pipeline_id in self._people or self._readers.lost_after == float("inf"):
            return False
        ended, timer = asyncio.ensure_future(read.wait()), asyncio.ensure_future(self._clock.sleep(JOIN_SECONDS))
        try:
            await asyncio.wait((ended, timer), return_when=asyncio.FIRST_COMPLETED)
            return not ended.done() or read.is_unread
        finally:
            ended.cancel()
            timer.cancel()

    @property
    def _reads(self) -> bool:
        """True while reads may start."""
        return self._records is not None and not self._stopping

    def _on_polled(self, result: ReadResult | Unread) -> None:
        now = self._clock.monotonic()
        self._silence.note_answer(now)
        self._breaker.record_reader(now)
        self._on_result(result)

    def _on_result(self, result: ReadResult | Unread) -> None:
        if isinstance(result, Unread):
            self._end_unread(result.request)
            return
        try:
            if self._recorder.record_steady(result):
                self._end(result, None, steady=True)
            elif self._records:
                self._records.create_task(self._record(result))
        except Exception as exc:  # noqa: BLE001 (a supervisor: the record has the exception)
            emit(ReadCrashed(pipeline=result.request.pipeline_id, exception=exc))
            self._end(result, OWN_ERROR, failed=True)

    async def _record(self, result: ReadResult) -> None:
        pipeline_id = result.request.pipeline_id
        before = self._repository.record(pipeline_id).state.phase
        problem = await self._recorded(result)
        after = self._repository.record(pipeline_id).state.phase
        failed = not isinstance(result.outcome, Status | Throttled)  # a retry would only be throttled again
        self._end(result, problem, failed=failed)
        if before is not None and before != Phase.FAILED and after == Phase.FAILED:
            self._fleet.hasten_siblings(pipeline_id)

    async def _recorded(self, result: ReadResult) -> str | None:
        pipeline_id = result.request.pipeline_id
        try:
            return await self._recorder.record(result, unread=len(self._fleet.due))
        except StoreAway as exc:
            emit(StoreUnreachable(component=Component.MONITORING, pipeline=pipeline_id, problem=str(exc)))
            return NO_DATABASE
        except Exception as exc:  # noqa: BLE001 (a supervisor: the record has the exception)
            emit(ReadCrashed(pipeline=pipeline_id, exception=exc))
            return OWN_ERROR

    def _give_up_lost(self, now: float) -> None:
        """Ends the reads of lost readers. They don't count as reads: the pipelines are due again."""
        for read in self._under_way.older_than(now - self._readers.lost_after):
            self._end_unread(read.request)
            self._silence.note_lost(read.since)

    def _end_unread(self, request: ReadRequest) -> None:
        """GoldRush gave no answer to this read. The pipeline is due again."""
        if self._under_way.end(request, NO_ANSWER, unread=True):
            self._people.ended(request.pipeline_id)
            self._fleet.due.mark_lost(request.pipeline_id)

    def _end(self, result: ReadResult, problem: str | None, *, failed: bool = False, steady: bool = False) -> None:
        """The read is over: the pipeline waits for its next turn."""
        if not self._under_way.end(result.request, problem):
            return
        pipeline_id = result.request.pipeline_id
        self._people.ended(pipeline_id)
        now, at = self._clock.monotonic(), result.at if steady else self._clock.now()
        self._silent_until = now + self._breaker.probe_seconds if self._breaker.is_open else float("-inf")
        self._fleet.mark_read(pipeline_id, at, now, failed=failed, steady=steady)
