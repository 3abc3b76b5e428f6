"""The rate-limit pauses that Slack asked for. They outlive a restart."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class RateLimitStore(Protocol):
    async def throttles(self) -> Mapping[str, datetime]:
        """Until when not to call each method."""
        ...

    async def save_throttle(self, method: str, until: datetime) -> None: ...
