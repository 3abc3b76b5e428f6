"""The reads that have begun and not ended."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from bot.domain.observation import PipelineId, ReadSequence
from bot.ports.reads import ReadRequest


@dataclass(slots=True, kw_only=True)
class UnderWay:
    """A read that began at `since`, in monotonic seconds."""

    request: ReadRequest
    since: float
    is_unread: bool = False
    """True if it ended without an answer of GoldRush."""
    _problem: asyncio.Future[str | None] | None = None

    async def wait(self) -> str | None:
        """Returns the problem of the read, in words for people; None if it succeeded."""
        if self._problem is None:
            self._problem = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._problem)

    def end(self, problem: str | None) -> None:
        if self._problem is not None and not self._problem.done():
            self._problem.set_result(problem)


class ReadsUnderWay:
    """Numbers the reads. At most one per pipeline is under way."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._reads: dict[PipelineId, UnderWay] = {}

    def __len__(self) -> int:
        return len(self._reads)

    def __contains__(self, pipeline_id: PipelineId) -> bool:
        return pipeline_id in self._reads

    def of(self, pipeline_id: PipelineId) -> UnderWay | None:
        return self._reads.get(pipeline_id)

    def begin(self, pipeline_id: PipelineId, epoch: int, now: float) -> UnderWay:
        """Replaces a read that is under way: those who wait for it get the result of the new one."""
        request = ReadRequest(pipeline_id=pipeline_id, sequence=ReadSequence(epoch, next(self._numbers)))
        replaced = self._reads.pop(pipeline_id, None)
        read = replace(replaced, request=request, since=now) if replaced else UnderWay(request=request, since=now)
        self._reads[pipeline_id] = read
        return read

    def end(self, request: ReadRequest, problem: str | None, *, unread: bool = False) -> bool:
        """False if this read is not under way: it counted as lost, and its result came later.

        `unread`: it ended without an answer of GoldRush.
        """
        read = self._reads.get(request.pipeline_id)
        if read is None or read.request.sequence != request.sequence:
            return False
        del self._reads[request.pipeline_id]
        read.is_unread = unread
        read.end(problem)
        return True

    def older_than(self, moment: float) -> Iterator[UnderWay]:
        """The reads that began before this moment, the oldest first. The caller ends each one."""
        while self._reads:
            oldest = next(iter(self._reads.values()))
            if oldest.since >= moment:
                return
            yield oldest
