"""The ports: what the services need of the world, with every outcome and error that belongs to the promise.

ApiError                  a read of GoldRush gave no answer that can be used
├── Unauthorized          401: the key is missing, wrong or revoked
├── Forbidden             403: not a ServiceKey, or no access to this pipeline
├── NotFound              404: deleted, or not visible to this key
├── Throttled             429
├── Unavailable           timeout, connection, 5xx, redirect; 401 or 403 of something in front of GoldRush
└── Malformed             an answer that is not what the API documents
    └── StrayNotFound     404 of something in front of GoldRush: says nothing of the pipeline by itself
ChatAway                  Slack cannot be asked for now
StoreAway                 Redis cannot be reached for now; nothing was written
└── StoreRolledBack       Redis has forgotten something it had confirmed; nothing is written until that is dealt with
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.card import Burst, Content, PostedCard
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery, Lane, Lookup, LookupResult, Outcome
from bot.domain.grouping import Grouping
from bot.domain.held_pages import PageLog
from bot.domain.note import Note
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record
from bot.domain.subscription import Undo, WatchChange
from bot.domain.watch import ChannelId, SuspendReason, TeamId, UserId, Watch


class ApiError(Exception):
    """`str()` of it is a sentence for people: what happened, and what to do. Never holds the key."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
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
    pass


class StrayNotFound(Malformed):
    pass


class ChatAway(Exception):
    pass


class StoreAway(Exception):
    pass


class StoreRolledBack(StoreAway):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the listing."""

    pipelines: tuple[Pipeline, ...]
    more: bool
    """Whether there may be another page."""
    total: int | None = None
    """The total number of pipelines, if the API reports it."""
    skipped: int = 0
    """Items without a pipeline's name or id."""


class PipelineApi(Protocol):
    """GoldRush, read only. Every method raises an `ApiError`, and returns or raises within its total deadline."""

    async def status(self, pipeline_id: PipelineId) -> Status: ...

    async def pipeline(self, pipeline_id: PipelineId) -> Pipeline: ...

    async def page(self, number: int) -> Page:
        """One page of the pipelines this key can see: one request a call."""
        ...


class Chat(Protocol):
    """Where messages go. An outcome is never a guess: what is not known is `Unknown`."""

    async def post(self, delivery: Delivery, content: Content, *, thread_ts: str | None, now: datetime) -> Outcome: ...

    async def update(self, delivery: Delivery, content: Content, *, ts: str, now: datetime) -> Outcome: ...

    async def find(self, traces: Sequence[Lookup]) -> Sequence[LookupResult]:
        """By one fresh reading of the channel or thread that all of them name; a sighting for each."""
        ...

    async def delete(self, channel: ChannelId, ts: str) -> bool:
        """Whether the message is not there any more."""
        ...

    async def direct(self, user: UserId) -> ChannelId | None:
        """The conversation of this person's direct messages. None where Slack allows none.

        Raises:
            ChatAway: it cannot be known now.
        """
        ...


@dataclass(frozen=True, slots=True)
class Watches:
    """All watches of the workspace, the channels that rest, and the notes. `version` counts the changes of them all."""

    version: int
    all: tuple[Watch, ...]
    suspended: Mapping[ChannelId, SuspendReason] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def of(self, channel: ChannelId) -> tuple[Watch, ...]:
        return tuple(watch for watch in self.all if watch.channel == channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The sole right to do something: to send down a lane, or to read the pipelines. `token` is nobody else's, ever."""

    name: str
    token: str
    since: datetime
    expires: float
    """On the monotonic clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """A command or a click, as far as it is needed to act on it. `id` is the same when Slack delivers it again."""

    id: str
    kind: str
    at: datetime
    payload: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastHeartbeat:
    """`last_…`: of the last sign of life, whichever bot gave it. A `run_id` names one life of one server.

    `read_since`: when that sign was given, all that is read closely had been read since then.
    """

    run_id: str
    last_run_id: str
    last_at: datetime | None
    read_since: datetime | None = None
    doubt_since: datetime | None = None
    """When a bot last found that the store had gone back in time."""


class Store(Protocol):
    """Everything that must outlive the process. Every method may raise `StoreAway`."""

    team: TeamId

    async def watches(self) -> Watches: ...

    async def watches_version(self) -> int: ...

    async def change_watches(self, change: WatchChange) -> bool:
        """Changes and announces the watches in one step; a new watch wakes a parked channel. False: somebody
        changed watches in between, or the undo is gone. Nothing was changed; plan again."""
        ...

    async def undo(self, undo_id: str) -> Undo | None:
        """None if it was used, or is too old."""
        ...

    async def say_hello(self, greeting: Delivery) -> bool:
        """Enqueues it, unless its channel was greeted in the last 30 days. False: it was."""
        ...

    async def set_note(self, note: Note) -> bool:
        """One without a text is removed. False: there was none."""
        ...

    async def keep_rename(self, old: ChannelId, new: ChannelId, told_at: str) -> None:
        """Slack gave the channel another id: `rename_channel` has yet to do what that demands. Whatever led to the old
        id leads to the new one, or to where that led already. `told_at` is Slack's stamp of the event: by it is known
        what is but told once more where an id has come back since."""
        ...

    async def renames(self) -> Mapping[ChannelId, ChannelId]:
        """What is yet to be done: the newest id of each channel, by the old one."""
        ...

    async def newest_id(self, channel: ChannelId) -> ChannelId:
        """The channel's current id; the same one if Slack never changed it."""
        ...

    async def rename_channel(self, old: ChannelId, new: ChannelId) -> int:
        """The channel's watches, how many they are, go with it to its new id, unless that has the same already; so does
        what it is owed, and its cards, with the keys that they have.

        Raises:
            StoreAway: also where a message is under way there just now, or this is not its newest id any more.
        """
        ...

    async def suspend(
        self, channel: ChannelId, reason: SuspendReason, told: Sequence[Delivery], watches: Sequence[Watch]
    ) -> int | None:
        """The channel rests; `told` goes to those who made its watches, unless they were told of the same reason and no
        message got through since. How many are told; None where it rested already, or its watches are not `watches` any
        more: read them anew."""
        ...

    async def resume(self, channel: ChannelId, *, on_trial: bool = False) -> bool:
        """`on_trial`: it only seems to take messages again. What its makers were told is remembered for a day more;
        else, and where something is watched there anew, it is forgotten. False where it did not rest."""
        ...

    async def next_epoch(self, above: int = 0) -> int: ...

    async def versions(self) -> Mapping[PipelineId, int]: ...

    async def records(self) -> Mapping[PipelineId, Record]: ...

    async def record(self, pipeline_id: PipelineId) -> Record: ...

    async def commit(self, plan: Plan, watches_version: int) -> bool:
        """Writes the state and its deliveries in one step. False: somebody wrote in between; plan anew."""
        ...

    async def catalogue(self) -> tuple[Pipeline, ...]: ...

    async def save_catalogue(self, pipelines: Sequence[Pipeline]) -> None: ...

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]: ...

    async def group(self, key: str) -> tuple[PostedCard, ...]:
        """The cards that one message tells of."""
        ...

    async def first_time(self, gesture: Interaction) -> bool:
        """Keeps a gesture until it is finished. False where it was seen before (in the last day)."""
        ...

    async def finished(self, gesture: Interaction) -> None: ...

    async def unfinished(self) -> tuple[Interaction, ...]:
        """Oldest first."""
        ...

    async def acquire_lease(self, name: str, held: Lease | None = None) -> Lease | None:
        """The right to do what only one bot may, taken anew or kept on; None where another has it."""
        ...

    async def release_lease(self, lease: Lease) -> None: ...

    async def last_heartbeat(self) -> LastHeartbeat: ...

    async def record_heartbeat(
        self, at: datetime, run_id: str, told: Sequence[Delivery] = (), *, read_since: datetime | None = None
    ) -> None:
        """The pipelines are being read. `told` is enqueued in the same step."""
        ...

    async def tell(self, told: Sequence[Delivery], redrawn: Sequence[str] = ()) -> None:
        """What the cards `redrawn` are thought to show is forgotten, so that they are drawn anew."""
        ...

    async def lost_keys(
        self, cards: Sequence[str], suspended: Iterable[ChannelId]
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        """The names of the keys that were lost since the last call, and which of `cards` were.

        `cards` are those of open stories, `suspended` the channels that rest.
        """
        ...

    async def accept_loss(self, at: datetime) -> None:
        """After `StoreRolledBack`, or where another server answers: what Redis has is what there is. `at` is kept, as
        every bot's `doubt_since`."""
        ...


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One person's direct page, or a summary of those that were held back, as the log keeps it."""

    of_summary: bool
    at: datetime


class EndingKind(StrEnum):
    POSTED = "posted"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a delivery ended. `shown` is the revision of each card in the message, `came_at` that with which each that is
    new in the channel came.

    `group`: of which message the card was found to be a part. `moved_on` is owed where a card is newer than what is
    shown; `follows` is owed in any case. `log` is kept where the message was posted.
    """

    kind: EndingKind
    redraw: Delivery
    ts: str = ""
    shown: Mapping[str, int] = field(default_factory=dict)
    came_at: Mapping[str, int] = field(default_factory=dict)
    group: str | None = None
    follow_up: Delivery | None = None
    log: PageEntry | None = None


class Outbox(Protocol):
    """What is still owed to Slack. Every method may raise `StoreAway`."""

    async def lanes_with_work(self) -> tuple[Lane, ...]: ...

    async def suspended_lanes(self) -> tuple[Lane, ...]:
        """Those with work whose channel is parked."""
        ...

    async def lease(self, lane: Lane, held: Lease | None = None) -> Lease | None:
        """The right to send, taken anew or kept on. None where another sender holds the lane."""
        ...

    async def release(self, lease: Lease) -> None: ...

    async def last_ts(self, lane: Lane) -> str:
        """The lane's last message, as Slack stamped it; empty before the first."""
        ...

    async def resumed_at(self, channel: ChannelId) -> datetime | None:
        """When it last took messages again after it had rested, if it ever did."""
        ...

    async def page_log(self, channel: ChannelId, since: datetime) -> PageLog:
        """The conversation's pages and summaries after `since`."""
        ...

    async def deliveries(self, lane: Lane) -> tuple[Delivery, ...]:
        """Oldest first."""
        ...

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]: ...

    async def group(self, key: str) -> tuple[PostedCard, ...]:
        """The cards that one message tells of."""
        ...

    async def in_burst(self, group_key: str) -> Burst:
        """The group's totals for a group's message."""
        ...

    async def growing(self, channel: ChannelId) -> tuple[str, ...]:
        """The keys of the groups in the channel's group that may still grow, the first one first."""
        ...

    async def write(self, delivery: Delivery, lease: Lease) -> bool:
        """Records how far the delivery is. False: the lease is lost, or the row is gone."""
        ...

    async def settle(self, delivery: Delivery, lease: Lease, ending: Ending) -> bool: ...

    async def gather(self, gathering: Grouping, lane: Lane, lease: Lease) -> bool: ...

    async def enqueue(self, deliveries: Sequence[Delivery], redrawn: Sequence[str] = ()) -> None:
        """Needs no lease. What the cards named are thought to show is forgotten, so that they are drawn anew."""
        ...

    async def holds(self) -> Mapping[str, tuple[datetime, datetime]]:
        """When Slack asked that each of its methods be left alone, and until when."""
        ...

    async def hold(self, method: str, since: datetime, until: datetime) -> None: ...
