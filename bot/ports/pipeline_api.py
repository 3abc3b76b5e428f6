"""Reads of GoldRush, the service that runs the pipelines. The bot changes nothing there.

ApiError                  a read of GoldRush gave no usable answer
├── Unauthorized          401: the key is missing, wrong or revoked
├── Forbidden             403: not a ServiceKey, or no access to this pipeline
├── NotFound              404: deleted, or not visible to this key
├── Throttled             429
├── Unavailable           timeout, connection, 5xx, redirect; 401 or 403 of a proxy in front of GoldRush
└── Malformed             an answer that the API does not document
    ├── StrayNotFound     404 of a proxy in front of GoldRush: says nothing about the pipeline
    └── TooLarge          longer than the bot reads
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from bot.domain.catalogue import Pipeline
from bot.domain.configuration import Configuration
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase

NEEDS_OPERATOR = "Tell the people who run me."
"""In `ApiError.plain` where only they can help: another try is no use."""


class ApiError(Exception):
    """`str()` gives a sentence for the operator: what happened and what to do. The text never holds the key."""

    plain = ""

    def __init__(self, message: str, retry_after: float | None = None, *, plain: str = "") -> None:
        super().__init__(message)
        self.plain = plain or self.plain or message
        """The same for people in Slack, who have no settings and no key."""
        self.retry_after = retry_after
        """Seconds, from Retry-After; None without one."""


class Unauthorized(ApiError):
    pass


class Forbidden(ApiError):
    pass


class NotFound(ApiError):
    pass


class Throttled(ApiError):
    pass


class Unavailable(ApiError):
    pass


class Malformed(ApiError):
    plain = "GoldRush sent an answer that I can't read."


class StrayNotFound(Malformed):
    pass


class TooLarge(Malformed):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """An answer of the status endpoint, before it becomes an observation."""

    phase: Phase
    replicas: int | None = None
    """How many replicas should run."""
    ready: int | None = None
    """How many of them report ready."""
    uid: str | None = None
    """Identifies the running worker: another one means a restart."""
    start_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingPage:
    """One page of the listing."""

    pipelines: tuple[Pipeline, ...]
    more: bool
    """Whether there may be another page."""
    total: int | None = None
    """The total number of pipelines, if the API reports it."""
    skipped: int = 0
    """Items without a pipeline's name or id."""
    emails: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The e-mail of each pipeline's owner, by GoldRush's id of that person. Never shown, logged or stored."""
    configurations: Mapping[PipelineId, Callable[[], Configuration]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Each hashes one pipeline's configuration. Nothing keeps them longer than the page."""


class PipelineApi(Protocol):
    """Each call is one request. It ends within its deadline, with an answer or an `ApiError` and no other error."""

    async def status(self, pipeline_id: PipelineId) -> Status:
        """The pipeline's phase now."""
        ...

    async def pipeline(self, pipeline_id: PipelineId) -> Pipeline:
        """The pipeline's name, project and intent."""
        ...

    async def page(self, number: int) -> ListingPage:
        """One page of the pipelines that this key can see. Pages count from 1."""
        ...


OnOutcome = Callable[[Status | ApiError | None], None]


@runtime_checkable
class StatusWithoutTask(Protocol):
    """An API that can also read without a task of asyncio, which saves a third of a read's CPU."""

    def begin_status(self, pipeline_id: PipelineId, on_outcome: OnOutcome) -> None:
        """Reads the pipeline's phase now, as `status` does.

        `on_outcome` gets the outcome later, or None: this read needs `status`. None may come before this returns.
        """
        ...
