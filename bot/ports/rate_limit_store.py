"""What a sender leaves to the next one: pauses that the receivers' services asked for, and its use of the limits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bot.domain.delivery import ReceiverKind


class RateLimitStore(Protocol):
    """Keeps each pause until a bot has obeyed it, and the level of each token bucket."""

    async def throttles(self) -> Mapping[tuple[ReceiverKind, str], datetime]:
        """The end of each pause, by the kind of receiver and the method. It may be over already."""
        ...

    async def save_throttle(self, kind: ReceiverKind, method: str, until: datetime) -> None:
        """No bot calls this method for this kind of receiver before `until`."""
        ...

    async def full_buckets(self) -> Mapping[tuple[ReceiverKind, str], datetime]:
        """When each bucket is full again, by the kind of receiver and the method. Missing: it was never used."""
        ...

    async def save_full_buckets(self, full_at: Mapping[tuple[ReceiverKind, str], datetime]) -> None:
        """Only the active sender saves them."""
        ...
