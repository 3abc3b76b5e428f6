"""The lanes with unfinished deliveries, and the right to send in them."""

from datetime import datetime
from typing import Protocol

from bot.domain.delivery import Lane, Receiver
from bot.ports.lease_store import Lease


class Lanes(Protocol):
    """Finds the lanes with work, and leases each one to a single worker."""

    async def lanes_with_work(self) -> tuple[Lane, ...]:
        """The lanes with unfinished deliveries, except those of suspended channels."""
        ...

    async def suspended_lanes(self) -> tuple[Lane, ...]:
        """The lanes with work whose channel is suspended."""
        ...

    async def changes(self) -> int:
        """Another number than before if rows were added, or if a lane of pages let rows of the feed go."""
        ...

    async def lease(self, lane: Lane, current: Lease | None = None) -> Lease | None:
        """Takes the lane's lease, or extends `current`. None: another sender has the lane."""
        ...

    async def release(self, lease: Lease) -> None:
        """Ends the lease early. Does nothing if another sender has the lane by now."""
        ...

    async def last_id(self, lane: Lane) -> str:
        """The service's stamp of the lane's last message; empty before the first."""
        ...

    async def resumed_at(self, receiver: Receiver) -> datetime | None:
        """When the receiver last resumed, if ever."""
        ...
