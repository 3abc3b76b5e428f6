"""A service outside that alarms people if the bot stops giving signs of life."""

from typing import Protocol


class OutsideWatchdog(Protocol):
    async def ping(self) -> str | None:
        """Gives a sign of life. Returns the problem, without the address, or None."""
        ...
