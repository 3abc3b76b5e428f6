"""Heartbeats, and the evidence that Redis lost writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.delivery import Message
from bot.domain.watch import ChannelId


@dataclass(frozen=True, slots=True, kw_only=True)
class LastHeartbeat:
    """`last_…`: of the last heartbeat, of any bot. `run_id` names one run of one server.

    `read_since`: at that heartbeat, the bot had read all closely watched pipelines since then.
    """

    run_id: str
    last_run_id: str
    last_at: datetime | None
    read_since: datetime | None = None
    doubt_since: datetime | None = None
    """When a bot last found that the store had gone back in time."""


class HeartbeatStore(Protocol):
    async def last_heartbeat(self) -> LastHeartbeat: ...

    async def record_heartbeat(
        self, at: datetime, run_id: str, notices: Sequence[Message] = (), *, read_since: datetime | None = None
    ) -> None:
        """Records that this bot reads the pipelines, and enqueues `notices` in the same step."""
        ...

    async def next_epoch(self, above: int = 0) -> int:
        """A number for the next leader, larger than `above` and all earlier numbers."""
        ...

    async def lost_keys(
        self, cards: Sequence[str], suspended: Iterable[ChannelId]
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        """The names of the keys that were lost since the last call, and which of `cards` were lost.

        `cards` are those of open episodes, `suspended` the suspended channels.
        """
        ...

    async def accept_loss(self, at: datetime | None) -> None:
        """After `StoreRolledBack`, or a change of server: accepts the data in Redis as it is.

        Redis keeps `at` as every bot's `doubt_since`. None: Redis was emptied, so nothing is in doubt.
        """
        ...
