"""Heartbeats and lost writes, in Redis."""

from collections.abc import Awaitable, Iterable, Sequence
from datetime import datetime
from typing import cast

from redis.exceptions import RedisError

from bot.domain.delivery import Message
from bot.domain.watch import ChannelId
from bot.ports.clock import Clock
from bot.ports.heartbeat_store import LastHeartbeat
from bot.store.losses import Losses
from bot.store.port import RedisPort
from bot.store.scripts import Scripts, decoding, translating_redis_errors


class RedisHeartbeats(RedisPort):
    """Implements `HeartbeatStore`."""

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        super().__init__(scripts, clock)
        self._losses = Losses(scripts)

    async def last_heartbeat(self) -> LastHeartbeat:
        with translating_redis_errors():
            last = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["heartbeat"]))
            run_id = await self._run_id()
        if self._scripts.is_new:
            await self._scripts.greet()
        at, since, doubt, late = (last.get(name) for name in (b"at", b"read_since", b"doubt", b"late_promise"))
        gap = last.get(b"gap_reported")
        with decoding("heartbeat"):
            return LastHeartbeat(
                run_id=run_id,
                last_run_id=last.get(b"run_id", b"").decode(),
                last_at=datetime.fromisoformat(at.decode()) if at else None,
                read_since=datetime.fromisoformat(since.decode()) if since else None,
                late_promise=float(late) if late else None,
                still_listing=bool(last.get(b"still_listing")),
                gap_reported=datetime.fromisoformat(gap.decode()) if gap else None,
                doubt_since=datetime.fromisoformat(doubt.decode()) if doubt else None,
            )

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
        outboxes, rows = self._scripts.enqueue_arguments(notices)
        since = read_since.isoformat() if read_since else ""
        late = "" if late_promise is None else str(late_promise)
        gap = at.isoformat() if reports_gap else ""
        listing = "1" if still_listing else ""
        await self._scripts.write(
            "heartbeat",
            [self._keys["heartbeat"], *outboxes],
            [at.isoformat(), run_id, since, late, gap, listing, *rows],
        )

    async def next_epoch(self, above: int = 0) -> int:
        with translating_redis_errors():
            epoch = int(await self._redis.incr(self._keys["epoch"]))
            if epoch <= above:
                epoch = int(await self._redis.incrby(self._keys["epoch"], above + 1 - epoch))
            return epoch

    async def lost_keys(
        self, cards: Sequence[str], suspended: Iterable[ChannelId]
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        return await self._losses.find(cards, suspended)

    async def accept_loss(self, at: datetime | None) -> None:
        await self._scripts.greet()
        await self._scripts.write("doubt", [self._keys["heartbeat"]], [at.isoformat() if at else ""])

    async def _run_id(self) -> str:
        """The run id and role of the server.

        Some hosts hide INFO; then only the count of writes shows a loss.
        """
        try:
            server = await self._redis.info("server")
            replication = await self._redis.info("replication")
        except RedisError as exc:
            if "unknown" in str(exc).lower() or "perm" in str(exc).lower():
                return ""
            raise
        return f"{server.get('run_id', '')}/{replication.get('role', '')}"
