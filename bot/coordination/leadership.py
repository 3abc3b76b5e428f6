"""Leadership: every bot answers, but only one polls, and only one sends.

So all bots together spend the budget of one at GoldRush, and keep Slack's limits. The others stand by.
"""

from collections.abc import Awaitable, Callable

from bot.ports.clock import Clock
from bot.ports.lease_store import READER, Lease, LeaseStore

SPARE_SECONDS = 2.0  # the bot doesn't rely on a lease that expires sooner


class Leadership:
    """Takes a lease for this bot, and keeps it. `name`: what the leader does. Implements `SendingRight`."""

    def __init__(self, store: LeaseStore, clock: Clock, name: str = READER) -> None:
        self._store = store
        self._clock = clock
        self._name = name
        self._lease: Lease | None = None

    @property
    def is_leader(self) -> bool:
        return self._lease is not None and self._lease.expires - self._clock.monotonic() > SPARE_SECONDS

    @property
    def lease(self) -> Lease | None:
        return self._lease if self.is_leader else None

    async def acquire(self) -> bool:
        """Takes or extends the leader's lease; runs every few seconds. True if this bot has just become the leader.

        Raises:
            StoreAway: the store did not answer. If this bot leads, it goes on until its lease expires.
        """
        before = self.is_leader
        self._lease = await self._store.acquire_lease(self._name, self._lease)
        return self.is_leader and not before

    def only_as_leader(self, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """A job that does nothing while another bot leads."""

        async def run_as_leader() -> None:
            if self.is_leader:
                await run()

        return run_as_leader

    async def release(self) -> None:
        """Releases the lease, so that another bot can lead at once.

        Raises:
            StoreAway: the store did not answer. Another bot can lead only after the lease has expired.
        """
        lease, self._lease = self._lease, None
        if lease is not None:
            await self._store.release_lease(lease)
