"""Reads every watched pipeline when it is due, within the budget, and records what became so."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count

import structlog

from bot.coordination.leadership import Leadership
from bot.domain.cadence import Cadence, offset, period, stretch
from bot.domain.observation import FailedRead, FailedReadKind, Observation, PipelineId, Reading, ReadSequence
from bot.domain.plan import plan_reading
from bot.domain.transition import Event, PipelineState, detect
from bot.domain.watch import ChannelId
from bot.monitoring.breaker import ApiHealth, CircuitBreaker
from bot.monitoring.budget import Budget, Route
from bot.monitoring.catalogue import PATIENCE_SECONDS, Listing
from bot.monitoring.intents import Intents
from bot.monitoring.outage import Outage
from bot.monitoring.people_reads import PeopleReads
from bot.monitoring.safe_api import SafeApi
from bot.ports.clock import Clock
from bot.ports.pipeline_api import ApiError, Forbidden, NotFound, PipelineApi, Status, StrayNotFound, Throttled
from bot.ports.store_errors import StoreAway
from bot.state.repository import Repository

HOUSEKEEPING_SECONDS = 1.0
LONG_WAIT_SECONDS = 10.0  # a longer wait that GoldRush asks for is reported, once readings are older than promised
THROTTLED_SECONDS = 60.0  # a 429 counts against one pipeline only after it went unread for so long
RELIST_SECONDS = 30.0  # so old may a listing be that tells whether a pipeline is gone
PERSON_SECONDS = 30.0

log = structlog.get_logger(__name__)


class Poller:
    """`tick` is called by a scheduler several times a second; the reads run inside `run`.

    `slots` is how many reads may be under way at once. `operator` is the channel that is told of a rejected key.
    """

    def __init__(
        self,
        *,
        api: PipelineApi,
        repository: Repository,
        budget: Budget,
        clock: Clock,
        cadence: Cadence,
        turn: Leadership,
        slots: int,
        operator: ChannelId | None = None,
        listing: Listing | None = None,
    ) -> None:
        self.breaker = CircuitBreaker()
        self._outage = Outage(repository=repository, breaker=self.breaker, clock=clock, operator=operator)
        self.stretch = 1.0
        self.unwatched_readings: dict[PipelineId, PipelineState] = {}
        """The latest readings, kept for answers only: nobody watches the pipeline, it is not our turn to read, or the
        records are loaded anew from a store that does not have what changed nothing."""
        self._api = SafeApi(api)
        self._repository = repository
        self._budget = budget
        self._clock = clock
        self._cadence = cadence
        self._slots = slots
        self._leadership = turn
        self._listing = listing
        self._relisted_at = float("-inf")
        self._intents = Intents(api=api, repository=repository, budget=budget, clock=clock)
        self.epoch = 0
        """Orders this bot's readings after those of whoever read before."""
        self._numbers = count(1)
        self._read_at: dict[PipelineId, float] = {}
        self._due: dict[PipelineId, float] = {}
        self._under_way: dict[PipelineId, asyncio.Task[str | None]] = {}
        self._people = PeopleReads()
        self._reads: asyncio.TaskGroup | None = None
        self._housekept_at = float("-inf")
        self._welcomed = -1

    async def run(self, stopped: asyncio.Event) -> None:
        """Owns the reads; returns when `stopped` is set and those under way have ended."""
        async with asyncio.TaskGroup() as reads:
            self._reads = reads
            await stopped.wait()
            self._reads = None  # nothing new is begun

    def take_over(self, epoch: int) -> None:
        """It is this bot's turn to read, from now on: everything is read as soon as the budget lets it."""
        self.epoch = epoch
        self._due = dict.fromkeys(self._due, self._clock.monotonic())

    def unread_since(self, moment: float) -> frozenset[PipelineId]:
        """The pipelines to be read that were not, since `moment` on the monotonic clock."""
        return frozenset(each for each in self._repository.pollable if self._read_at.get(each, float("-inf")) < moment)

    @property
    def reads(self) -> bool:
        """True if this bot polls, so that its readings are as fresh as promised."""
        return self._leadership.ours

    def promised(self) -> Mapping[PipelineId, float]:
        """How old, in seconds, each reading may grow while all goes well. Also for a bot whose turn it is not."""
        periods = {each: self._period(each) for each in self._repository.pollable}
        factor = stretch(periods.values(), self._budget.rate)
        return {each: seconds * factor for each, seconds in periods.items()}

    # --- who is due ------------------------------------------------------------------------------------------------

    async def tick(self) -> None:
        """Starts the reads that are due now, most overdue first, as far as budget and slots allow."""
        if self._reads is None or not self._leadership.ours:
            return
        now = self._clock.monotonic()
        if now - self._housekept_at >= HOUSEKEEPING_SECONDS:
            self._housekept_at = now
            try:
                await self._repository.refresh_watches()
                await self._welcome()
                await self._notice_wait(now)
            except StoreAway as exc:
                log.warning("store_away", room="watching", problem=str(exc))
                return  # what is read now could not be written
            self._housekeep(now)
        due = self._most_overdue(now)
        for pipeline_id in due[:1] if self.breaker.lost else due:
            if len(self._under_way) - len(self._people) >= self._slots or not self._budget.try_take(Route.STATUS):
                return
            self._start(pipeline_id)

    async def _notice_wait(self, now: float) -> None:
        """No read fails during a wait, so only this check notices that the bot reads nothing."""
        hold = self._budget.held(Route.STATUS)
        overdue = any(at < now for at in self._due.values())
        if hold and hold[1] - hold[0] > LONG_WAIT_SECONDS and (overdue or self.breaker.view is ApiHealth.WAITING):
            self.breaker.waiting(self._clock.now() + timedelta(seconds=hold[1] - now))
            await self._outage.tell(len(self._due))

    async def _welcome(self) -> None:
        """Whoever has come to watch what is wrong already is told, also where the bot that took the watch has died."""
        version = self._repository.watches.version
        if version != self._welcomed:
            await self._repository.welcome()
            self._welcomed = version

    def _housekeep(self, now: float) -> None:
        pollable = self._repository.pollable
        for gone in self._due.keys() - pollable:
            del self._due[gone]
            self._read_at.pop(gone, None)
            self.unwatched_readings.pop(gone, None)
            self._intents.forget(gone)
        for fresh in sorted(pollable - self._due.keys()):
            self._due[fresh] = now
        periods = {each: self._period(each) for each in self._due}
        self.stretch = stretch(periods.values(), self._budget.rate)
        if not self.breaker.lost:  # what was put off while periods were longer is due by those of now
            for each in periods.keys() & self._read_at.keys():
                self._due[each] = min(self._due[each], self._read_at[each] + periods[each] * self.stretch)

    def _most_overdue(self, now: float) -> list[PipelineId]:
        due = [each for each, at in self._due.items() if at <= now and each not in self._under_way]
        return sorted(due, key=lambda each: (self._due[each], self._repository.record(each).state.sequence))

    def _period(self, pipeline_id: PipelineId) -> float:
        return period(self._repository.record(pipeline_id).state, self._clock.now(), self._cadence)

    def _schedule(self, pipeline_id: PipelineId, *, first: bool) -> None:
        """The interval is even; only the first one is shortened, by the pipeline's own share, to spread the reads."""
        if pipeline_id not in self._due:
            return
        now = self._clock.monotonic()
        if self.breaker.lost:
            for each in self._due:
                self._due[each] = max(self._due[each], now + self.breaker.probe_seconds)
            return
        seconds = self._period(pipeline_id) * self.stretch
        step = offset(pipeline_id, seconds) if first else seconds
        self._due[pipeline_id] = max(self._due[pipeline_id] + step, now)

    # --- one read --------------------------------------------------------------------------------------------------

    async def read_now(self, pipeline_id: PipelineId) -> str | None:
        """A fresh reading for a person: joins one that is under way. Answers what went wrong, or None."""
        task = self._under_way.get(pipeline_id)
        if task is None:
            async with self._people.room(pipeline_id) as room:
                if self.waits_until() or not await self._budget.take(Route.STATUS, PERSON_SECONDS):
                    return self.breaker.problem or "GoldRush asked me to slow down"
                task = self._under_way.get(pipeline_id)
                if task is None and (task := self._start(pipeline_id)):
                    room.keep()
        problem = await asyncio.shield(task) if task else "the bot is just stopping"
        await self._intents.confirm(pipeline_id)
        return problem

    def waits_until(self) -> datetime | None:
        """Until when GoldRush has us wait, where that is longer than a person does."""
        hold = self._budget.held(Route.STATUS)
        seconds = hold[1] - self._clock.monotonic() if hold else 0.0
        return self._clock.now() + timedelta(seconds=seconds) if seconds > PATIENCE_SECONDS else None

    def _start(self, pipeline_id: PipelineId) -> asyncio.Task[str | None] | None:
        if self._reads is None:
            return None
        task = self._reads.create_task(self._read(pipeline_id), name=f"read {pipeline_id}")
        self._under_way[pipeline_id] = task
        return task

    async def _read(self, pipeline_id: PipelineId) -> str | None:
        first = self._repository.record(pipeline_id).state.sequence.epoch < self.epoch
        was_lost = self.breaker.lost
        try:
            reading, problem = await self._reading(pipeline_id)
            if reading is not None:
                await self._record(reading)
            await self._outage.tell(len(self._due))
        except StoreAway as exc:
            log.warning("store_away", room="watching", pipeline=pipeline_id, problem=str(exc))
            return "the store is away, so this reading could not be kept"
        except Exception:
            log.exception("read_tripped", pipeline=pipeline_id)
            return "an error of the bot itself; its log has it"
        else:
            return problem
        finally:
            del self._under_way[pipeline_id]
            self._people.ended(pipeline_id)
            self._read_at[pipeline_id] = self._clock.monotonic()
            if was_lost and not self.breaker.lost:
                self._due = dict.fromkeys(self._due, self._clock.monotonic())
            self._schedule(pipeline_id, first=first)

    async def _reading(self, pipeline_id: PipelineId) -> tuple[Reading | None, str | None]:
        """The reading and, where it gave no observation, why. No reading where no pipeline is to be blamed."""
        number = ReadSequence(self.epoch, next(self._numbers))
        try:
            status = await self._api.status(pipeline_id)
        except ApiError as exc:
            return await self._missed(pipeline_id, number, exc)
        self.breaker.succeeded()
        return await self._observation(pipeline_id, status, number), None

    async def _missed(
        self, pipeline_id: PipelineId, number: ReadSequence, exc: ApiError
    ) -> tuple[Reading | None, str | None]:
        problem = str(exc)
        if isinstance(exc, NotFound) or (isinstance(exc, StrayNotFound) and await self._is_unlisted(pipeline_id)):
            self.breaker.succeeded()  # the API answered
            kind = FailedReadKind.NOT_FOUND
        else:
            self._budget.obey(Route.STATUS, exc)
            self.breaker.failed(pipeline_id, exc, self._clock.monotonic())
            log.info("read_failed", pipeline=pipeline_id, error=type(exc).__name__, problem=problem)
            patient = isinstance(exc, Throttled) and not self._is_long_unread(pipeline_id)
            if self.breaker.view is not ApiHealth.CLEAR or patient:
                return None, problem
            kind = FailedReadKind.FORBIDDEN if isinstance(exc, Forbidden) else FailedReadKind.FAULT
        at = self._clock.now()
        return FailedRead(pipeline_id=pipeline_id, sequence=number, at=at, kind=kind, reason=problem), problem

    def _is_long_unread(self, pipeline_id: PipelineId) -> bool:
        observation = self._repository.record(pipeline_id).state.observation
        return observation is None or (self._clock.now() - observation.observed_at).total_seconds() > THROTTLED_SECONDS

    async def _is_unlisted(self, pipeline_id: PipelineId) -> bool:
        """True if a fresh, complete listing lacks it too. Not checked while GoldRush as a whole is in doubt."""
        if self._listing is None or self.breaker.view is not ApiHealth.CLEAR:
            return False
        now = self._clock.monotonic()
        if now - self._relisted_at >= RELIST_SECONDS:
            self._relisted_at = now
            await self._listing.refresh(older_than=RELIST_SECONDS)
        return self._repository.lacks(pipeline_id, since=now - RELIST_SECONDS)

    async def list_again(self) -> None:
        """Refreshes the listing. Where nothing is watched, that alone shows whether the key is accepted.

        Raises:
            StoreAway: a later listing reports it.
        """
        if self._listing is None:
            return
        await self._listing.refresh()
        if self._repository.pollable:
            return
        if self._listing.key_rejected:
            self.breaker.key_rejected(self._listing.problem or "")
        elif self._listing.problem is None:
            self.breaker.succeeded()
        await self._outage.tell(0)

    async def _observation(self, pipeline_id: PipelineId, status: Status, number: ReadSequence) -> Observation:
        at = self._clock.now()
        await self._intents.judge(pipeline_id, status.phase)
        pipeline = self._repository.pipeline(pipeline_id)
        return Observation(
            pipeline_id=pipeline_id,
            sequence=number,
            observed_at=at,
            phase=status.phase,
            replicas=status.replicas,
            ready=status.ready,
            uid=status.uid,
            start_time=status.start_time,
            intent=pipeline.intent,
            bounded=pipeline.bounded,
        )

    async def _record(self, reading: Reading) -> None:
        pipeline_id = reading.pipeline_id
        self.unwatched_readings[pipeline_id] = detect(
            self.unwatched_readings.get(pipeline_id, PipelineState()), reading
        )[0]
        if not self._repository.follows(pipeline_id) or not self._leadership.ours:
            return
        plan = await self._repository.write(pipeline_id, lambda record, routing: plan_reading(record, reading, routing))
        for transition in plan.transitions if plan else ():
            log.info(
                "transition", pipeline=pipeline_id, became=transition.event.value, phase=str(transition.phase or "-")
            )
            if transition.event is Event.GONE:
                self._repository.unlist(pipeline_id)
