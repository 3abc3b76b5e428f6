"""Leases: the sole right to do something for a few seconds. A lease that is not extended ends by itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

READER = "reader"
"""The lease of the leader, the one bot that polls."""
ACTIVE_SENDER = "sender"
"""The lease of the one bot that sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The sole right to poll, to send, or to send in one lane. `token` is unique to its owner."""

    name: str
    token: str
    since: datetime
    expires: float
    """On the monotonic clock."""


class LeaseStore(Protocol):
    """Grants leases by name."""

    async def acquire_lease(self, name: str, current: Lease | None = None) -> Lease | None:
        """Takes the lease, or extends `current`. None: another bot has it."""
        ...

    async def release_lease(self, lease: Lease) -> None:
        """Ends the lease early. Does nothing if another bot has it by now."""
        ...
