"""Leadership: many bots answer and send, but only the leader polls, so that they spend the budget once."""

from collections.abc import Awaitable, Callable

from bot.ports.clock import Clock
from bot.ports.lease_store import READER, Lease, LeaseStore

SPARE_SECONDS = 2.0  # the bot doesn't rely on a lease that expires sooner


class Leadership:
    """This bot's share in the leader's lease. Implements `LeadershipStatus`."""

    def __init__(self, store: LeaseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lease: Lease | None = None

    @property
    def is_leader(self) -> bool:
        return self._lease is not None and self._lease.expires - self._clock.monotonic() > SPARE_SECONDS

    async def acquire(self) -> bool:
        """Takes or extends the lease; runs every few seconds. True if this bot has just become the leader.

        Raises:
            StoreAway: a lease that this bot holds runs on until it expires.
        """
        before = self.is_leader
        self._lease = await self._store.acquire_lease(READER, self._lease)
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
            StoreAway: another bot waits until the lease expires.
        """
        lease, self._lease = self._lease, None
        if lease is not None:
            await self._store.release_lease(lease)
