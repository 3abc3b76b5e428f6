"""Whether the bots of a workspace read and deliver, as the active sender sees it."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from bot.ports.clock import Clock
from bot.ports.figures import OutboxFigures
from bot.ports.heartbeat_store import HeartbeatStore, LastHeartbeat

NOBODY_READS_SECONDS = 60.0  # the bot that polls records a heartbeat every 2 s
UNDELIVERED_SECONDS = 300.0  # of the oldest message that is due


class VitalSigns:
    """`heartbeat` is the last one that `problem` read."""

    def __init__(
        self, *, heartbeats: HeartbeatStore, outbox: Callable[[], Awaitable[OutboxFigures]], clock: Clock
    ) -> None:
        self._heartbeats = heartbeats
        self._outbox = outbox
        self._clock = clock
        self.heartbeat: LastHeartbeat | None = None

    async def problem(self) -> str | None:
        """Why people must not rely on the bot. None: some bot reads, and messages go out.

        An outage of GoldRush is no such problem, because the bot reports it.

        Raises:
            StoreAway: the store does not answer, so the bot neither reads nor delivers.
        """
        self.heartbeat = await self._heartbeats.last_heartbeat()
        age = self._age(self.heartbeat.last_at)
        if age is None:
            return "no bot has read the pipelines yet"
        if age > NOBODY_READS_SECONDS:
            return f"no bot has read the pipelines for {age:.0f} s"
        waiting = (await self._outbox()).oldest_seconds
        return f"a message has waited for {waiting:.0f} s" if waiting > UNDELIVERED_SECONDS else None

    def _age(self, at: datetime | None) -> float | None:
        return (self._clock.now() - at).total_seconds() if at else None
