"""The pauses that the receivers' services asked for. They outlive a restart."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bot.domain.delivery import ReceiverKind


class RateLimitStore(Protocol):
    """Keeps each pause until a bot has obeyed it."""

    async def throttles(self) -> Mapping[tuple[ReceiverKind, str], datetime]:
        """The end of each pause, by the kind of receiver and the method. It may be over already."""
        ...

    async def save_throttle(self, kind: ReceiverKind, method: str, until: datetime) -> None:
        """No bot calls this method for this kind of receiver before `until`."""
        ...
