"""Reads logs, metrics, destination health and configurations with requests that polling and people leave, each once for
all who ask."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import TypeVar

from bot.domain.configuration import ConfigurationRead
from bot.domain.diagnosis import LogFault, LogOutcome
from bot.domain.log_lines import PodLog
from bot.domain.measurement import DestinationHealth, Measurement
from bot.domain.observation import PipelineId
from bot.log_redaction import redact_log
from bot.monitoring.budget import Budget, Route
from bot.monitoring.local_readers import FAILED_OUTCOMES
from bot.monitoring.log_findings import LogFindings, findings_in, redacted_error
from bot.monitoring.shared_reads import SharedReads
from bot.ports.clock import Clock
from bot.ports.pipeline_api import ApiError, TooLarge, Unavailable
from bot.ports.pipeline_details import FailureDetails
from bot.ports.telemetry import emit
from bot.ports.telemetry.diagnoses import DetailsRead, DetailsUnread, Endpoint
from bot.ports.telemetry.monitoring import ReadCrashed, ReadOutcome

AT_ONCE = 3  # for each endpoint, so that one that hangs holds no connection of the others or of the polling
KEPT_SECONDS = 30.0
FAILURE_KEPT_SECONDS = 5.0
SPARE_SECONDS = 0.25  # between two attempts to get a request that nobody else needs
PERSON_SECONDS = 2.0  # a person's wait for the budget
SILENT_READS = 3  # in a row without an answer: then this endpoint gets a pause
PAUSE_SECONDS = 20.0
LONGEST_PROBLEM = 300  # characters

T = TypeVar("T")
InThread = Callable[[Callable[[], T]], Awaitable[T]]


class DetailFault(Enum):
    """Why there are no metrics, no health or no configuration."""

    FAILED = "failed"
    NOT_ASKED = "not_asked"
    """The bot's own budget had no request free."""


class _NotAsked(Unavailable):
    """The bot's own budget had no request free."""

    plain = "I had no request to GoldRush free."


class _Place:
    """What the reader knows about one endpoint."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.slots = asyncio.Semaphore(AT_ONCE)
        self.next_for_spare = asyncio.Lock()
        self.silent = 0
        """How many reads in a row got no answer."""
        self.pause_until = float("-inf")
        self.error: Unavailable | None = None


class DetailsReader:
    """All results are redacted. A read that failed says so in words for people, and raises nothing.

    Args:
        in_thread: runs CPU work off the event loop. Tests run it at once.
    """

    def __init__(
        self,
        *,
        api: FailureDetails,
        budget: Budget,
        clock: Clock,
        in_thread: InThread[LogFindings] = asyncio.to_thread,
    ) -> None:
        self._api = api
        self._budget = budget
        self._clock = clock
        self._in_thread = in_thread
        self._places = {endpoint: _Place(Route(endpoint.value)) for endpoint in Endpoint}
        self._cpu = asyncio.Lock()
        self._logs = SharedReads[LogFindings](clock, _log_kept_seconds)
        self._metrics = SharedReads[Measurement | DetailFault](clock, _kept_seconds)
        self._health = SharedReads[DestinationHealth | DetailFault](clock, _kept_seconds)
        self._configurations = SharedReads[ConfigurationRead | DetailFault](clock, _kept_seconds)

    async def close(self) -> None:
        for reads in (self._logs, self._metrics, self._health, self._configurations):
            await reads.close()

    async def logs(
        self, pipeline_id: PipelineId, *, spare_until: float | None = None, newer_than: datetime | None = None
    ) -> LogFindings:
        """`spare_until`: how long to wait for a request that nobody else needs. None: a person asks."""
        return await self._logs.get(
            pipeline_id, lambda: self._read_logs(pipeline_id, spare_until), newer_than=newer_than
        )

    def log_read_at(self, pipeline_id: PipelineId) -> datetime | None:
        """When the log was read that `logs` would answer at once. None: there is none, or the read failed."""
        found = self._logs.kept(pipeline_id)
        return found.at if found and found.outcome is LogOutcome.READ else None

    async def metrics(
        self, pipeline_id: PipelineId, *, spare_until: float, newer_than: datetime | None = None
    ) -> Measurement | DetailFault:
        async def read() -> Measurement | DetailFault:
            async def request() -> Measurement:
                return await self._api.metrics(pipeline_id, self._clock.now())

            answer = await self._ask(Endpoint.METRICS, pipeline_id, request, spare_until)
            return _unread(answer) if isinstance(answer, ApiError) else answer

        return await self._metrics.get(pipeline_id, read, newer_than=newer_than)

    async def health(
        self, pipeline_id: PipelineId, *, spare_until: float, newer_than: datetime | None = None
    ) -> DestinationHealth | DetailFault:
        async def read() -> DestinationHealth | DetailFault:
            async def request() -> DestinationHealth:
                return await self._api.destination_health(pipeline_id)

            answer = await self._ask(Endpoint.HEALTH, pipeline_id, request, spare_until)
            if isinstance(answer, ApiError):
                return _unread(answer)
            return replace(answer, last_error=redacted_error(answer.last_error))

        return await self._health.get(pipeline_id, read, newer_than=newer_than)

    async def configuration(
        self, pipeline_id: PipelineId, *, spare_until: float, newer_than: datetime
    ) -> ConfigurationRead | DetailFault:
        async def read() -> ConfigurationRead | DetailFault:
            async def request() -> ConfigurationRead:
                asked_at = self._clock.now()
                return ConfigurationRead(asked_at=asked_at, configuration=await self._api.configuration(pipeline_id))

            answer = await self._ask(Endpoint.CONFIGURATION, pipeline_id, request, spare_until)
            return _unread(answer) if isinstance(answer, ApiError) else answer

        return await self._configurations.get(pipeline_id, read, newer_than=newer_than)

    async def _read_logs(self, pipeline_id: PipelineId, spare_until: float | None) -> LogFindings:
        at = self._clock.now()

        async def request() -> tuple[PodLog, ...]:
            return await self._api.logs(pipeline_id)

        answer = await self._ask(Endpoint.LOGS, pipeline_id, request, spare_until)
        if isinstance(answer, ApiError):
            problem = redact_log(answer.plain[:LONGEST_PROBLEM])
            return LogFindings(at=at, outcome=LogOutcome.UNREADABLE, problem=problem, unread=_log_fault(answer))
        try:
            async with self._cpu:
                return await self._in_thread(lambda: findings_in(answer, at))
        except Exception as exc:  # noqa: BLE001 (text of others: the card says that it could not be read)
            emit(ReadCrashed(pipeline=pipeline_id, exception=exc))
            problem = "I ran into an internal error. My log has the details."
            return LogFindings(at=at, outcome=LogOutcome.UNREADABLE, problem=problem)

    async def _ask(
        self,
        endpoint: Endpoint,
        pipeline_id: PipelineId,
        request: Callable[[], Awaitable[T]],
        spare_until: float | None,
    ) -> T | ApiError:
        place = self._places[endpoint]
        if spare_until is not None and (problem := self._pause(place) or await self._no_request(place, spare_until)):
            return problem  # a diagnosis waits for a request without a slot, so that no person waits behind it
        async with place.slots:
            # A person gets an answer of now, also while the endpoint pauses.
            if problem := await self._no_request(place, None) if spare_until is None else self._pause(place):
                return problem
            try:
                answer = await request()
            except ApiError as exc:
                self._note_failure(place, exc)
                self._budget.obey(place.route, exc)
                outcome = FAILED_OUTCOMES.get(type(exc), ReadOutcome.MALFORMED)
                name = type(exc).__name__
                emit(DetailsRead(pipeline=pipeline_id, endpoint=endpoint, outcome=outcome))
                emit(DetailsUnread(pipeline=pipeline_id, endpoint=endpoint, error=name, problem=redact_log(str(exc))))
                return exc
            except Exception as exc:  # noqa: BLE001 (a bug: it must not end the diagnosis)
                emit(ReadCrashed(pipeline=pipeline_id, exception=exc))
                return Unavailable(f"I ran into an internal error ({type(exc).__name__}).")
            place.silent = 0
            emit(DetailsRead(pipeline=pipeline_id, endpoint=endpoint, outcome=ReadOutcome.OK))
            return answer

    def _pause(self, place: _Place) -> Unavailable | None:
        return place.error if self._clock.monotonic() < place.pause_until else None

    async def _no_request(self, place: _Place, spare_until: float | None) -> Unavailable | None:
        """Takes a request from the budget. Says why, if there is none."""
        if await self._take(place, spare_until):
            return None
        why = self._budget.why_none(place.route)
        why = f"{why[0].upper()}{why[1:]}."
        if self._budget.current_hold(place.route):
            return Unavailable(why, plain="GoldRush asked me to slow down.")
        return _NotAsked(why)

    async def _take(self, place: _Place, spare_until: float | None) -> bool:
        if spare_until is None:
            return await self._budget.take(place.route, PERSON_SECONDS)
        async with place.next_for_spare:  # those who wait get requests in the order in which they came
            while not self._budget.try_take_spare(place.route):
                hold = self._budget.current_hold(place.route)
                if self._clock.monotonic() >= spare_until or (hold and hold[1] > spare_until):
                    return False
                await self._clock.sleep(SPARE_SECONDS)
            return True

    def _note_failure(self, place: _Place, error: ApiError) -> None:
        """An endpoint that hangs gets a pause, so that many failures at once don't each wait for it."""
        place.silent = place.silent + 1 if isinstance(error, Unavailable) else 0
        if isinstance(error, Unavailable) and place.silent >= SILENT_READS:
            place.pause_until = self._clock.monotonic() + PAUSE_SECONDS
            place.error = error


def _unread(error: ApiError) -> DetailFault:
    return DetailFault.NOT_ASKED if isinstance(error, _NotAsked) else DetailFault.FAILED


def _log_fault(error: ApiError) -> LogFault:
    if isinstance(error, _NotAsked):
        return LogFault.NOT_ASKED
    return LogFault.TOO_LARGE if isinstance(error, TooLarge) else LogFault.FAILED


def _log_kept_seconds(findings: LogFindings) -> float:
    if findings.outcome is LogOutcome.UNREADABLE and findings.unread is LogFault.NOT_ASKED:
        return 0.0
    return FAILURE_KEPT_SECONDS if findings.outcome is LogOutcome.UNREADABLE else KEPT_SECONDS


def _kept_seconds(answer: object) -> float:
    if answer is DetailFault.NOT_ASKED:
        return 0.0
    return FAILURE_KEPT_SECONDS if answer is DetailFault.FAILED else KEPT_SECONDS
