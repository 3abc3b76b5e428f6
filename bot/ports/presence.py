"""Where the processes of a workspace announce their roles."""

from collections.abc import Collection
from typing import Protocol

from bot.domain.presence import Announced, ReadingSource


class Presence(Protocol):
    """Kept apart from the workspace's data: losing it changes nothing for long."""

    async def announce(self, roles: Collection[str], source: ReadingSource | None = None) -> Announced:
        """Announces that this process lives, and returns what all have announced. `source`: of the active scheduler.

        Raises:
            StoreAway: the next announcement makes up for it.
        """
        ...
