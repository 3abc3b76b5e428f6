"""Whose turn it is to read the pipelines: many bots may answer and send; one reads, and the budget is spent once."""

from collections.abc import Awaitable, Callable

from bot.ports.clock import Clock
from bot.ports.lease_store import READER, Lease, LeaseStore

SPARE_SECONDS = 2.0  # a turn that is about to run out is no turn


class Leadership:
    def __init__(self, store: LeaseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lease: Lease | None = None

    @property
    def ours(self) -> bool:
        return self._lease is not None and self._lease.expires - self._clock.monotonic() > SPARE_SECONDS

    async def keep(self) -> bool:
        """Takes the turn, or keeps it on; called every few seconds. True where it has just become ours.

        Raises:
            StoreAway: it is ours for as long as it lasts.
        """
        before = self.ours
        self._lease = await self._store.acquire_lease(READER, self._lease)
        return self.ours and not before

    def only(self, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """`run`, whenever it is our turn."""

        async def run_in_turn() -> None:
            if self.ours:
                await run()

        return run_in_turn

    async def give_up(self) -> None:
        """Another bot need not wait.

        Raises:
            StoreAway: it has to wait until the turn has run out.
        """
        lease, self._lease = self._lease, None
        if lease is not None:
            await self._store.release_lease(lease)
