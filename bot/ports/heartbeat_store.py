"""Heartbeats, and the evidence that Redis lost writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.delivery import Message
from bot.domain.watch import ChannelId


@dataclass(frozen=True, slots=True, kw_only=True)
class LastHeartbeat:
    """The last heartbeat of any bot, and the server that answers now."""

    run_id: str
    """The current run of the server that answers. A restart or a failover changes it. Empty if the host hides it."""
    last_run_id: str
    """The server's run at the last heartbeat."""
    last_at: datetime | None
    """When the last heartbeat was recorded. None: never, or Redis was emptied."""
    read_since: datetime | None = None
    """The oldest reading of a closely read pipeline at that heartbeat."""
    late_promise: float | None = None
    """The promised age of readings, in seconds, that the operator was told is not kept. None: it is kept."""
    gap_reported: datetime | None = None
    """When a bot last reported a time in which none polled."""
    still_listing: bool = False
    """The first listing of the pipelines had not ended at that heartbeat."""
    doubt_since: datetime | None = None
    """When a bot last found that the store had gone back in time."""


class HeartbeatStore(Protocol):
    """Records heartbeats, and compares what Redis has with what it should have."""

    async def last_heartbeat(self) -> LastHeartbeat:
        """Reads the last heartbeat. The first call introduces this process to Redis."""
        ...

    async def record_heartbeat(
        self,
        at: datetime,
        run_id: str,
        notices: Sequence[Message] = (),
        *,
        read_since: datetime | None = None,
        late_promise: float | None = None,
        reports_gap: bool = False,
        still_listing: bool = False,
    ) -> None:
        """Records that this bot reads the pipelines, and enqueues `notices` in the same step.

        `reports_gap`: the notices are about a time in which no bot polled.

        Raises:
            StoreRolledBack: Redis lost a write of this bot; nothing was recorded.
        """
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
