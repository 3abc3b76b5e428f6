"""The store's own clock, and the time that the bots of a workspace share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoreTime:
    """Two times from the store. They differ after someone set its clock, and after a failover."""

    latest: datetime
    """The latest time that any bot has reported."""
    clock: datetime
    """The store's own clock. It may be behind `latest`."""


class TimeStore(Protocol):
    """Lets all bots of a workspace agree on the time."""

    async def time(self, now: datetime | None = None) -> StoreTime:
        """Keeps `now`, the caller's time, if it is the latest, and returns the store's times.

        None changes nothing: for a bot that starts, and takes its time from the others.

        Raises:
            StoreAway: the store does not answer.
        """
        ...
