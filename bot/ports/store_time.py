"""The store's own clock, and the time that the bots of a workspace share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoreTime:
    """`latest`: the latest time that any bot has reported. `clock`: the store's own clock, which someone may set.

    After a failover, the new server's clock may be behind `latest`.
    """

    latest: datetime
    clock: datetime


class TimeStore(Protocol):
    async def time(self, now: datetime | None = None) -> StoreTime:
        """Keeps `now`, the caller's time, if it is the latest. None: changes nothing, for a bot that starts.

        Raises:
            StoreAway: the store does not answer.
        """
        ...
