"""Turns the result of a read into a committed plan: judges it, compares it once, writes state and deliveries."""

from collections.abc import Callable
from enum import StrEnum

from bot.domain.observation import FailedRead, FailedReadKind, Observation, PipelineId, Reading
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.routing import Routing
from bot.domain.transition import Event, PipelineState, Reach, detect
from bot.monitoring.breaker import ApiHealth, CircuitBreaker
from bot.monitoring.budget import Budget, Route
from bot.monitoring.catalogue import CatalogueSync
from bot.monitoring.intents import Intents
from bot.monitoring.leader_writes import report_transitions
from bot.monitoring.outage import OutageNotices
from bot.monitoring.promise import Promise
from bot.ports.catalogue import ListingOutcome
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.pipeline_api import ApiError, Forbidden, NotFound, Status, StrayNotFound, Throttled
from bot.ports.reads import ReadResult
from bot.ports.store_errors import LeadershipLost, StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ReadFailed
from bot.state.repository import Repository

THROTTLED_SECONDS = 60.0  # a 429 counts against a pipeline only if nobody has read it for this time


class Excuse(StrEnum):
    """Why a failed read counts against no pipeline."""

    API_IN_DOUBT = "api_in_doubt"
    THROTTLED = "throttled"


class Recorder:
    """Compares each reading with the stored state and writes the difference. A failed read may be the API's fault."""

    def __init__(
        self,
        *,
        repository: Repository,
        breaker: CircuitBreaker,
        outage: OutageNotices,
        intents: Intents,
        catalogue: CatalogueSync,
        budget: Budget,
        promise: Promise,
        clock: Clock,
        leadership: LeadershipStatus,
        follow: Callable[[Record], None],
    ) -> None:
        """`follow` is called after each write. It only begins tasks, so that no page waits for it."""
        self._repository = repository
        self._breaker = breaker
        self._outage = outage
        self._intents = intents
        self._catalogue = catalogue
        self._budget = budget
        self._promise = promise
        self._clock = clock
        self._leadership = leadership
        self._follow = follow
        self.unrecorded: dict[PipelineId, PipelineState] = {}
        """The latest reading of each pipeline, for answers only. It is newer than the record in three cases: nobody
        watches the pipeline, another bot leads, or the records were loaded from a store without steady readings."""

    def record_steady(self, result: ReadResult) -> bool:
        """Takes a reading that changes nothing: most do. False: the reading needs `record`."""
        pipeline_id, status = result.request.pipeline_id, result.outcome
        state = self._repository.state_but_time(pipeline_id)
        observation = state.observation
        if observation is None or not isinstance(status, Status) or not self._is_steady(state, observation, status):
            return False
        pipeline = self._repository.pipeline(pipeline_id)
        if (
            result.request.sequence <= self._repository.sequence(pipeline_id)
            or (pipeline.intent, pipeline.bounded) != (observation.intent, observation.bounded)
            or not self._intents.explains(pipeline_id, status.phase, pipeline.intent)
            or not self._breaker.is_untroubled
            or self._outage.ends_with_a_good_read
            or not self._repository.follows(pipeline_id)
            or not self._leadership.is_leader
            or self._ends_gap(result)
            or self._repository.waits_for_reading(pipeline_id, result.at)
        ):
            return False
        self._repository.note_steady(pipeline_id, result.at, result.request.sequence)
        self.unrecorded.pop(pipeline_id, None)
        return True

    def _is_steady(self, state: PipelineState, observation: Observation, status: Status) -> bool:
        """True if a status says the same as the last observation, and no failed read came between."""
        return (
            observation.phase == status.phase
            and observation.ready == status.ready
            and observation.replicas == status.replicas
            and observation.uid == status.uid
            and observation.start_time == status.start_time
            and state.failed_reads == 0
            and state.reach is Reach.REACHABLE
            and (state.live is not None or observation.serving is None)
        )

    async def record(self, result: ReadResult, *, unread: int) -> str | None:
        """Returns the problem in words for people; None if the read succeeded. `unread` counts the pipelines that the
        bot does not read during an outage.

        Raises:
            StoreAway: the reading may or may not be written. The next one repairs it.
        """
        problem = None
        if isinstance(result.outcome, Status):
            self._breaker.record_success(self._clock.monotonic())
            await self._commit(await self._observation(result, result.outcome))
        else:
            problem = result.outcome.plain
            if failed := await self._failed_read(result, result.outcome):
                await self._commit(failed)
        await self._outage.report(unread)
        return problem

    async def record_listing(self, listed: ListingOutcome) -> None:
        """Where the bot reads no pipeline, only the listing shows whether GoldRush accepts the key.

        Raises:
            StoreAway: a later listing reports it.
        """
        if listed.refusal:
            self._breaker.record_rejected_key(listed.refusal, plain=listed.problem or "")
        elif listed.problem is None:
            self._breaker.record_success(self._clock.monotonic())
        await self._outage.report(0)

    async def confirm_intent(self, pipeline_id: PipelineId) -> None:
        await self._intents.confirm(pipeline_id)

    async def read_intent(self, pipeline_id: PipelineId) -> bool:
        return await self._intents.read_now(pipeline_id)

    def forget(self, pipeline_id: PipelineId) -> None:
        """The bot no longer polls this pipeline."""
        self.unrecorded.pop(pipeline_id, None)
        self._intents.forget(pipeline_id)

    # --- judging ---------------------------------------------------------------------------------------------------

    async def _observation(self, result: ReadResult, status: Status) -> Observation:
        pipeline_id = result.request.pipeline_id
        await self._intents.check(pipeline_id, status.phase)
        pipeline = self._repository.pipeline(pipeline_id)
        return Observation(
            pipeline_id=pipeline_id,
            sequence=result.request.sequence,
            observed_at=result.at,
            phase=status.phase,
            replicas=status.replicas,
            ready=status.ready,
            uid=status.uid,
            start_time=status.start_time,
            intent=pipeline.intent,
            bounded=pipeline.bounded,
        )

    async def _failed_read(self, result: ReadResult, error: ApiError) -> FailedRead | None:
        """None if no pipeline is to blame."""
        pipeline_id = result.request.pipeline_id
        blame = await self._blame(pipeline_id, error)
        if blame is not FailedReadKind.NOT_FOUND:
            name = type(error).__name__
            emit(ReadFailed(pipeline=pipeline_id, error=name, problem=str(error), reason=blame.value))
        if isinstance(blame, Excuse):
            return None
        return FailedRead(
            pipeline_id=pipeline_id, sequence=result.request.sequence, at=result.at, kind=blame, reason=error.plain
        )

    async def _blame(self, pipeline_id: PipelineId, error: ApiError) -> FailedReadKind | Excuse:
        """What the error says about the pipeline, or why it says nothing. Also informs breaker and budget."""
        stray = isinstance(error, StrayNotFound) and self._breaker.health is ApiHealth.CLEAR
        if isinstance(error, NotFound) or (stray and await self._catalogue.confirms_absence(pipeline_id)):
            self._breaker.record_success(self._clock.monotonic())  # the API answered
            return FailedReadKind.NOT_FOUND
        self._budget.obey(Route.STATUS, error)
        self._breaker.record_failure(pipeline_id, error, self._clock.monotonic())
        if self._breaker.health is not ApiHealth.CLEAR:
            return Excuse.API_IN_DOUBT
        if isinstance(error, Throttled) and not self._is_long_unread(pipeline_id):
            return Excuse.THROTTLED
        return FailedReadKind.FORBIDDEN if isinstance(error, Forbidden) else FailedReadKind.FAULT

    def _is_long_unread(self, pipeline_id: PipelineId) -> bool:
        observation = self._repository.record(pipeline_id).state.observation
        return observation is None or (self._clock.now() - observation.observed_at).total_seconds() > THROTTLED_SECONDS

    # --- writing ---------------------------------------------------------------------------------------------------

    async def _commit(self, reading: Reading) -> None:
        pipeline_id = reading.pipeline_id
        lease = self._leadership.lease
        if not self._repository.follows(pipeline_id) or lease is None:
            self._keep(reading)
            return

        def plan_as_leader(record: Record, routing: Routing) -> Plan | None:
            if not self._leadership.is_leader:
                return None
            return plan_reading(record, reading, routing, self._promise.gap_from(pipeline_id))

        try:
            plan = await self._repository.write(pipeline_id, plan_as_leader, lease=lease)
        except LeadershipLost:
            self._keep(reading)
            return
        except StoreAway:
            self._keep(reading)
            raise
        if plan is None or plan.record.state.sequence != reading.sequence:  # a newer reading was there already
            self._keep(reading)
        else:
            self.unrecorded.pop(pipeline_id, None)
        if plan:
            self._report(plan)
            if plan.must_be_written:
                self._follow(plan.record)

    def _keep(self, reading: Reading) -> None:
        """Keeps the reading in memory only."""
        before = self.unrecorded.get(reading.pipeline_id, PipelineState())
        self.unrecorded[reading.pipeline_id], _ = detect(before, reading, self._promise.gap_from(reading.pipeline_id))

    def _ends_gap(self, result: ReadResult) -> bool:
        last = self._repository.last_read_at(result.request.pipeline_id)
        return last is not None and self._promise.is_long_gap(result.at - last)

    def _report(self, plan: Plan) -> None:
        report_transitions(plan)
        if any(transition.event is Event.GONE for transition in plan.transitions):
            self._repository.unlist(plan.record.pipeline_id)
