"""Time, so that tests can move it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one for times that people and other bots see, one for measuring seconds."""

    def now(self) -> datetime:
        """The time that all bots of a workspace share: aware, in UTC. It never goes back."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment. They pass evenly, so deadlines use them."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds."""
        ...
