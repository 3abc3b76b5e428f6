"""The pauses that the receivers' services asked for. They outlive a restart."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bot.domain.delivery import ReceiverKind


class RateLimitStore(Protocol):
    async def throttles(self) -> Mapping[tuple[ReceiverKind, str], datetime]:
        """Until when not to call each method of a kind."""
        ...

    async def save_throttle(self, kind: ReceiverKind, method: str, until: datetime) -> None: ...
