"""Reads of pipelines by readers, which run in this process or in others."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from bot.domain.observation import PipelineId, ReadSequence
from bot.ports.pipeline_api import ApiError, Status


class ReadRequest(NamedTuple):
    """A pipeline to read. `sequence` orders the reading among the others."""

    pipeline_id: PipelineId
    sequence: ReadSequence


class ReadResult(NamedTuple):
    """The status, or the error that came in its place. `at` is the time of the answer."""

    request: ReadRequest
    outcome: Status | ApiError
    at: datetime


class Unread(NamedTuple):
    """No reader could begin this read in time. GoldRush got no request, so the read must be started again."""

    request: ReadRequest


OnResult = Callable[[ReadResult | Unread], None]


class Readers(Protocol):
    """Readers keep no state between reads. The caller compares and writes what they return."""

    @property
    def lost_after(self) -> float:
        """Seconds from `start` until a missing result means that its reader is lost. Infinite inside one process."""
        ...

    def running(self) -> AbstractAsyncContextManager[None]:
        """Serves `start` while it is open. At its end, it waits for the results of the reads in progress."""
        ...

    def start(self, batch: Sequence[ReadRequest], on_result: OnResult) -> None:
        """Starts the reads of a batch and returns at once.

        `on_result` gets each result as it comes, in any order, in the thread of the event loop. It may get a result
        late or twice, and never gets that of a lost reader.

        Each read has its share of the budget when it starts. A reader that gets to it too late returns it unread.
        """
        ...
