"""Leases in Redis."""

from uuid import uuid4

from bot.ports.lease_store import Lease
from bot.store.port import RedisPort

LEADER_LEASE_SECONDS = 10.0


class RedisLeases(RedisPort):
    """Implements `LeaseStore`."""

    async def acquire_lease(self, name: str, current: Lease | None = None) -> Lease | None:
        expires = self._clock.monotonic() + LEADER_LEASE_SECONDS
        token = current.token if current else uuid4().hex
        taken = await self._scripts.run("lease", [self._keys.lease(name)], [token, int(LEADER_LEASE_SECONDS * 1000)])
        since = current.since if current else self._clock.now()
        return Lease(name=name, token=token, since=since, expires=expires) if taken else None

    async def release_lease(self, lease: Lease) -> None:
        await self._scripts.run("release", [self._keys.lease(lease.name)], [lease.token])
