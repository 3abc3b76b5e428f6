"""Readers inside this process: a read has a task of its own only if it has to wait for a connection."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from bot.monitoring.safe_api import SafeApi
from bot.ports.clock import Clock
from bot.ports.pipeline_api import (
    ApiError,
    Forbidden,
    Malformed,
    NotFound,
    PipelineApi,
    Status,
    StatusWithoutTask,
    StrayNotFound,
    Throttled,
    TooLarge,
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
    TooLarge: ReadOutcome.MALFORMED,
}


async def read(api: SafeApi, clock: Clock, request: ReadRequest) -> ReadResult:
    """Makes one request, and returns its outcome as a value."""
    began = clock.monotonic()
    outcome: Status | ApiError
    try:
        outcome = await api.status(request.pipeline_id)
    except ApiError as exc:
        outcome = exc
    return _result(request, outcome, clock, began)


def _result(request: ReadRequest, outcome: Status | ApiError, clock: Clock, began: float) -> ReadResult:
    label = ReadOutcome.OK if isinstance(outcome, Status) else FAILED_OUTCOMES[type(outcome)]
    emit(ReadEnded(pipeline=request.pipeline_id, outcome=label, seconds=clock.monotonic() - began))
    return ReadResult(request=request, outcome=outcome, at=clock.now())


class LocalReaders:
    """Implements `Readers`. The client of the API limits its connections, and gives each read a deadline."""

    lost_after = float("inf")

    def __init__(self, *, api: PipelineApi, clock: Clock) -> None:
        self._api = SafeApi(api)
        self._without_task = api if isinstance(api, StatusWithoutTask) else None
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = 0
        """The reads without a task that have not ended."""
        self._ended = asyncio.Event()
        self._stopped = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._stopped = False
        try:
            yield
            while self._tasks or self._begun:
                self._ended.clear()
                await self._ended.wait()
        finally:
            self._stopped = True
            for task in self._tasks:
                task.cancel()

    def start(self, batch: Sequence[ReadRequest], on_result: OnResult) -> None:
        for request in batch:
            if self._without_task:
                self._begun += 1
                on_outcome = partial(self._on_outcome, request, on_result, self._clock.monotonic())
                self._without_task.begin_status(request.pipeline_id, on_outcome)
            else:
                self._start_task(request, on_result)

    def _on_outcome(
        self, request: ReadRequest, on_result: OnResult, began: float, outcome: Status | ApiError | None
    ) -> None:
        self._begun -= 1
        if self._stopped:
            return
        if outcome is None:
            self._start_task(request, on_result)
        else:
            try:
                on_result(_result(request, outcome, self._clock, began))
            finally:
                if not self._begun:
                    self._ended.set()

    def _start_task(self, request: ReadRequest, on_result: OnResult) -> None:
        task = asyncio.get_running_loop().create_task(self._read(request, on_result))
        self._tasks.add(task)
        task.add_done_callback(self._end_task)

    def _end_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._ended.set()

    async def _read(self, request: ReadRequest, on_result: OnResult) -> None:
        on_result(await read(self._api, self._clock, request))
