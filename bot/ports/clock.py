"""Time, so that tests can move it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The time that all bots of a workspace share, aware, UTC. It never goes back: for stamps, and for people."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back: for deadlines."""
        ...

    async def sleep(self, seconds: float) -> None: ...
