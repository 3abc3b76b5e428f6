"""Leases: the sole right to do something for a while."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

READER = "reader"
"""The lease of the one bot that reads the pipelines: the leader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The sole right to send down a lane, or to read the pipelines. `token` is unique to its owner."""

    name: str
    token: str
    since: datetime
    expires: float
    """On the monotonic clock."""


class LeaseStore(Protocol):
    async def acquire_lease(self, name: str, held: Lease | None = None) -> Lease | None:
        """Takes the lease, or extends `held`. None: another bot has it."""
        ...

    async def release_lease(self, lease: Lease) -> None: ...
