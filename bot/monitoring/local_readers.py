"""Readers inside this process: one task per read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.monitoring.safe_api import SafeApi
from bot.ports.clock import Clock
from bot.ports.pipeline_api import ApiError, PipelineApi, Status
from bot.ports.reads import OnResult, ReadRequest, ReadResult


async def read(api: SafeApi, clock: Clock, request: ReadRequest) -> ReadResult:
    """Makes one request, and returns its outcome as a value."""
    outcome: Status | ApiError
    try:
        outcome = await api.status(request.pipeline_id)
    except ApiError as exc:
        outcome = exc
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
        finally:
            while self._tasks:
                await asyncio.wait(self._tasks)

    def start(self, batch: Sequence[ReadRequest], on_result: OnResult) -> None:
        for request in batch:
            task = asyncio.create_task(self._read(request, on_result))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read(self, request: ReadRequest, on_result: OnResult) -> None:
        on_result(await read(self._api, self._clock, request))
