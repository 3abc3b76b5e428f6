"""Lanes with work, and their leases, in Redis."""

from collections.abc import Awaitable
from datetime import datetime
from typing import cast
from uuid import uuid4

from bot.domain.delivery import Lane, Receiver
from bot.ports.lease_store import Lease
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors

LEASE_SECONDS = 15.0  # a worker makes a call only while enough of its lease is left


class RedisLanes(RedisPort):
    """Implements `Lanes`."""

    async def lanes_with_work(self) -> tuple[Lane, ...]:
        return tuple(lane for lane, suspended in await self._lanes() if not suspended)

    async def suspended_lanes(self) -> tuple[Lane, ...]:
        return tuple(lane for lane, suspended in await self._lanes() if suspended)

    async def _lanes(self) -> list[tuple[Lane, bool]]:
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.smembers(self._keys["lanes"])
                pipe.hkeys(self._keys["suspended"])
                names, suspended = await pipe.execute()
        with decoding("lanes"):
            lanes = [Lane.from_name(self.team, name.decode()) for name in sorted(names)]
        return [(lane, lane.receiver.name.encode() in suspended) for lane in lanes]

    async def changes(self) -> int:
        with translating_redis_errors():
            return int(await self._redis.get(self._keys["sequence"]) or 0)

    async def lease(self, lane: Lane, current: Lease | None = None) -> Lease | None:
        # Taken before the call, so this lease ends no later than Redis' own.
        now = self._clock.monotonic()
        token = current.token if current else uuid4().hex
        taken = await self._scripts.run("lease", [self._keys.lease(lane.name)], [token, int(LEASE_SECONDS * 1000)])
        # If it ran out, another worker may have had the lane meanwhile.
        since = current.since if current and current.expires > now else self._clock.now()
        return Lease(name=lane.name, token=token, since=since, expires=now + LEASE_SECONDS) if taken else None

    async def release(self, lease: Lease) -> None:
        await self._scripts.run("release", [self._keys.lease(lease.name)], [lease.token])

    async def last_id(self, lane: Lane) -> str:
        with translating_redis_errors():
            message_id = await cast("Awaitable[bytes | None]", self._redis.hget(self._keys["last_ts"], lane.name))
        return message_id.decode() if message_id else ""

    async def resumed_at(self, receiver: Receiver) -> datetime | None:
        with translating_redis_errors():
            at = await cast("Awaitable[bytes | None]", self._redis.hget(self._keys["resumed"], receiver.name))
        return datetime.fromisoformat(at.decode()) if at else None
