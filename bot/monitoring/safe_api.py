"""A PipelineApi that raises only `ApiError`, so that the bot reports every fault in a read as an outage."""

from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.ports.pipeline_api import NEEDS_OPERATOR, ApiError, ListingPage, PipelineApi, Status, Unavailable
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ReadCrashed

T = TypeVar("T")


class SafeApi:
    """Implements `PipelineApi` over another one that may raise anything."""

    def __init__(self, api: PipelineApi) -> None:
        self._api = api
        self._logged: set[type[Exception]] = set()

    def status(self, pipeline_id: PipelineId) -> Coroutine[Any, Any, Status]:
        return self._safely(self._api.status(pipeline_id))

    def pipeline(self, pipeline_id: PipelineId) -> Coroutine[Any, Any, Pipeline]:
        return self._safely(self._api.pipeline(pipeline_id))

    def page(self, number: int) -> Coroutine[Any, Any, ListingPage]:
        return self._safely(self._api.page(number))

    async def _safely(self, request: Awaitable[T]) -> T:
        try:
            return await request
        except ApiError:
            raise
        except Exception as exc:
            if type(exc) not in self._logged:  # the same fault returns with every read
                self._logged.add(type(exc))
                emit(ReadCrashed(exception=exc))
            raise Unavailable(
                f"I couldn't ask GoldRush: an error of my own ({type(exc).__name__}). My log has the details.",
                plain=f"I ran into an internal error. {NEEDS_OPERATOR}",
            ) from exc
