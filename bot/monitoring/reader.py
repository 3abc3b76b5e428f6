"""Reads one pipeline's status. Keeps no state between reads, so that readers can run in other processes."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.observation import PipelineId, ReadSequence
from bot.monitoring.safe_api import SafeApi
from bot.ports.clock import Clock
from bot.ports.pipeline_api import ApiError, PipelineApi, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """A pipeline to read. `sequence` orders the reading among the others."""

    pipeline_id: PipelineId
    sequence: ReadSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """The status, or the error that came in its place. `at` is the time of the answer."""

    request: ReadRequest
    outcome: Status | ApiError
    at: datetime


class Reader:
    """Makes one request, and returns its outcome as a value."""

    def __init__(self, *, api: PipelineApi, clock: Clock) -> None:
        self._api = SafeApi(api)
        self._clock = clock

    async def read(self, request: ReadRequest) -> ReadResult:
        outcome: Status | ApiError
        try:
            outcome = await self._api.status(request.pipeline_id)
        except ApiError as exc:
            outcome = exc
        return ReadResult(request=request, outcome=outcome, at=self._clock.now())
