"""The ports: what the services need of the world, with every outcome and error that belongs to the promise.

ApiError                  a read of GoldRush gave no answer that can be used
├── Unauthorized          401: the key is missing, wrong or revoked
├── Forbidden             403: not a ServiceKey, or no access to this pipeline
├── NotFound              404: deleted, or not visible to this key
├── Throttled             429: carries retry_after
├── Unavailable           timeout, connection, 5xx, redirect
└── Malformed             an answer that is not what the API documents
StoreAway                 Redis cannot be reached for now; nothing was written
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.card import Content, PostedCard
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery, Outcome, Sighting
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record
from bot.domain.storm import Gathering
from bot.domain.watch import ChannelId, ParkReason, TeamId, UserId, Watch


class ApiError(Exception):
    """`str()` of it is a sentence for people: what happened, and what to do. Never holds the key."""


class Unauthorized(ApiError):
    pass


class Forbidden(ApiError):
    pass


class NotFound(ApiError):
    pass


class Throttled(ApiError):
    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds, as the server asked; None where it did not say."""


class Unavailable(ApiError):
    pass


class Malformed(ApiError):
    pass


class StoreAway(Exception):
    pass


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall time, aware, UTC: for what people read."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back: for what is due."""
        ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the status endpoint said, before it becomes an observation."""

    phase: Phase
    replicas: int | None = None
    ready: int | None = None
    uid: str | None = None
    start_time: datetime | None = None


class PipelineApi(Protocol):
    """GoldRush, read only. Every method raises an `ApiError`, and returns or raises within its total deadline."""

    async def status(self, pipeline_id: PipelineId) -> Status: ...

    async def pipeline(self, pipeline_id: PipelineId) -> Pipeline: ...

    async def page(self, number: int) -> tuple[tuple[Pipeline, ...], bool]:
        """One page of the pipelines this key can see, and whether there may be more: one request a call."""
        ...


class Chat(Protocol):
    """Where messages go. An outcome is never a guess: what is not known is `Unknown`."""

    async def post(self, delivery: Delivery, content: Content, *, thread_ts: str | None, now: datetime) -> Outcome: ...

    async def update(self, delivery: Delivery, content: Content, *, ts: str, now: datetime) -> Outcome: ...

    async def find(self, delivery: Delivery, *, thread_ts: str | None) -> Sighting:
        """Our messages with this delivery's key, posted since shortly before it was sent."""
        ...

    async def delete(self, channel: ChannelId, ts: str) -> None:
        """Best effort: a message that stays is a blemish, not a loss."""
        ...

    async def direct(self, user: UserId) -> ChannelId | None:
        """The conversation of this person's direct messages. None where Slack allows none."""
        ...


@dataclass(frozen=True, slots=True)
class Watches:
    """All watches of the workspace. `version` counts their changes."""

    version: int
    all: tuple[Watch, ...]

    def of(self, channel: ChannelId) -> tuple[Watch, ...]:
        return tuple(watch for watch in self.all if watch.channel == channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to send to one channel. A later holder has a greater `token`."""

    channel: ChannelId
    token: int
    expires: float
    """On the monotonic clock."""


class Store(Protocol):
    """Everything that must outlive the process. Every method may raise `StoreAway`."""

    team: TeamId

    async def next_epoch(self) -> int: ...

    async def watches(self) -> Watches: ...

    async def watches_version(self) -> int: ...

    async def add_watches(self, watches: Sequence[Watch], announcement: Delivery) -> int:
        """How many were new or changed; where none was, nothing is announced. Wakes a parked channel."""
        ...

    async def remove_watches(self, watch_ids: Sequence[str], announcement: Delivery) -> int: ...

    async def records(self) -> Mapping[PipelineId, Record]: ...

    async def record(self, pipeline_id: PipelineId) -> Record: ...

    async def commit(self, plan: Plan, watches_version: int) -> bool:
        """Writes the state and its deliveries in one step. False: somebody wrote in between; plan anew."""
        ...

    async def catalogue(self) -> tuple[Pipeline, ...]: ...

    async def save_catalogue(self, pipelines: Sequence[Pipeline]) -> None: ...

    async def storm(self, key: str) -> tuple[PostedCard, ...]:
        """The cards that one message tells of."""
        ...

    async def parked(self) -> Mapping[ChannelId, ParkReason]: ...

    async def unpark(self, channel: ChannelId) -> bool: ...

    async def first_time(self, gesture: str) -> bool:
        """Whether this event, command or click has not been seen before (in the last day)."""
        ...


class Outbox(Protocol):
    """What is still owed to Slack. Every method may raise `StoreAway`."""

    async def channels_with_work(self) -> tuple[ChannelId, ...]: ...

    async def lease(self, channel: ChannelId, held: Lease | None = None) -> Lease | None:
        """The right to send, taken anew or kept on. None where another sender holds the channel."""
        ...

    async def release(self, lease: Lease) -> None: ...

    async def deliveries(self, channel: ChannelId) -> tuple[Delivery, ...]:
        """Oldest first."""
        ...

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]: ...

    async def storm(self, key: str) -> tuple[PostedCard, ...]: ...

    async def claim(self, delivery: Delivery, lease: Lease) -> bool:
        """Records the delivery as given (SENDING) before the call. False: the lease is lost, or the row is gone."""
        ...

    async def put_back(self, delivery: Delivery, lease: Lease) -> bool: ...

    async def done(self, delivery: Delivery, lease: Lease, *, ts: str, shown: Mapping[str, int]) -> bool:
        """It is there; `shown` is the revision of each card in it. What has moved on meanwhile stays owed."""
        ...

    async def drop(self, delivery: Delivery, lease: Lease, *, shown: Mapping[str, int], removed: bool = False) -> bool:
        """It will not be sent. `removed`: somebody deleted the message; what is newer than `shown` is posted afresh."""
        ...

    async def gather(self, gathering: Gathering, lease: Lease) -> bool: ...

    async def park(self, channel: ChannelId, reason: ParkReason, told: Sequence[Delivery]) -> bool:
        """The channel's lane rests; `told` goes to those who made its watches. False where it rested already."""
        ...
