"""The rate-limit pauses that Slack asked for. They outlive a restart."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class RateLimitStore(Protocol):
    async def throttles(self) -> Mapping[str, tuple[datetime, datetime]]:
        """For each method: when Slack asked for a pause, and until when."""
        ...

    async def save_throttle(self, method: str, since: datetime, until: datetime) -> None: ...
