"""Readers inside this process: one task per read."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from bot.monitoring.safe_api import SafeApi
from bot.ports.clock import Clock
from bot.ports.pipeline_api import (
    ApiError,
    Forbidden,
    Malformed,
    NotFound,
    PipelineApi,
    Status,
    StrayNotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)
from bot.ports.reads import OnResult, ReadRequest, ReadResult
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ReadEnded, ReadOutcome

FAILED_OUTCOMES: Mapping[type[ApiError], ReadOutcome] = {
    Unauthorized: ReadOutcome.UNAUTHORIZED,
    Forbidden: ReadOutcome.FORBIDDEN,
    NotFound: ReadOutcome.NOT_FOUND,
    Throttled: ReadOutcome.THROTTLED,
    Unavailable: ReadOutcome.UNAVAILABLE,
    Malformed: ReadOutcome.MALFORMED,
    StrayNotFound: ReadOutcome.MALFORMED,
}


async def read(api: SafeApi, clock: Clock, request: ReadRequest) -> ReadResult:
    """Makes one request, and returns its outcome as a value."""
    began = clock.monotonic()
    outcome: Status | ApiError
    try:
        outcome = await api.status(request.pipeline_id)
    except ApiError as exc:
        outcome = exc
    label = ReadOutcome.OK if isinstance(outcome, Status) else FAILED_OUTCOMES[type(outcome)]
    emit(ReadEnded(pipeline=request.pipeline_id, outcome=label, seconds=clock.monotonic() - began))
    return ReadResult(request=request, outcome=outcome, at=clock.now())


class LocalReaders:
    """Implements `Readers`. The client of the API limits its connections, and gives each read a deadline."""

    lost_after = float("inf")

    def __init__(self, *, api: PipelineApi, clock: Clock) -> None:
        self._api = SafeApi(api)
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        try:
            yield
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()

    def start(self, batch: Sequence[ReadRequest], on_result: OnResult) -> None:
        loop = asyncio.get_running_loop()
        for request in batch:
            task = loop.create_task(self._read(request, on_result))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read(self, request: ReadRequest, on_result: OnResult) -> None:
        on_result(await read(self._api, self._clock, request))
