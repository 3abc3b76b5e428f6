"""What each outside pager has open, and the changes of its lane."""

from collections.abc import Mapping
from typing import Protocol

from bot.domain.delivery import Lane, Receiver
from bot.domain.pager_lane import Incident, PagerLaneChange
from bot.ports.lease_store import Lease


class PagerIncidents(Protocol):
    """The incidents of each pager, kept until the paging of all their failures is over."""

    async def incidents(self, receiver: Receiver) -> Mapping[str, Incident]:
        """The pager's incidents, by key."""
        ...

    async def change_pager_lane(self, change: PagerLaneChange, lane: Lane, lease: Lease) -> bool:
        """Combines rows of the lane and updates the incidents, in one step. False: the lease is lost."""
        ...

    async def was_answered(self, event_id: str) -> bool:
        """True if this answer of a person at a pager was applied in the last two days."""
        ...

    async def remember_answer(self, event_id: str) -> None:
        """The answer was applied."""
        ...
