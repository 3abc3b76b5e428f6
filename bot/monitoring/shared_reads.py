"""One read of a pipeline's details serves all who ask for it at about the same time."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from bot.domain.observation import PipelineId
from bot.ports.clock import Clock

MOST_KEPT = 100  # answers; a log may take 256 KB

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Read(Generic[T]):
    task: asyncio.Task[T]
    at: datetime
    since: float


class SharedReads(Generic[T]):
    """Keeps each answer as long as `kept_seconds` says. The reads must not raise."""

    def __init__(self, clock: Clock, kept_seconds: Callable[[T], float]) -> None:
        self._clock = clock
        self._kept_seconds = kept_seconds
        self._reads: dict[PipelineId, _Read[T]] = {}

    async def get(
        self, pipeline_id: PipelineId, read: Callable[[], Coroutine[Any, Any, T]], *, newer_than: datetime | None = None
    ) -> T:
        """The answer of a read that began at `newer_than` or later; without it, of any that is kept or under way."""
        known = self._reads.get(pipeline_id)
        if known is None or not self._is_kept(known) or (newer_than and known.at < newer_than):
            self._reads = dict(
                [(key, one) for key, one in self._reads.items() if self._is_kept(one) and key != pipeline_id][
                    -MOST_KEPT + 1 :
                ]
            )
            known = _Read(asyncio.create_task(read()), self._clock.now(), self._clock.monotonic())
            self._reads[pipeline_id] = known
        return await asyncio.shield(known.task)  # the others go on waiting if this caller gives up

    def kept(self, pipeline_id: PipelineId) -> T | None:
        """The answer that is at hand."""
        known = self._reads.get(pipeline_id)
        return known.task.result() if known and known.task.done() and self._is_kept(known) else None

    def _is_kept(self, read: _Read[T]) -> bool:
        if not read.task.done():
            return True
        if read.task.cancelled() or read.task.exception():
            return False
        return self._clock.monotonic() - read.since <= self._kept_seconds(read.task.result())

    async def close(self) -> None:
        """Cancels the reads under way."""
        tasks = [read.task for read in self._reads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
