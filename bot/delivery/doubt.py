"""After the store lost writes, every open message needs a lookup before it is sent."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.ports.clock import Clock


@dataclass(slots=True)
class Doubt:
    """Implements `DeliveryDoubt`: the time before which the store's records of sent messages may be missing."""

    clock: Clock
    began_at: datetime = field(init=False)
    """When this bot started. Older messages come from an earlier process."""
    since: datetime | None = None
    """When a bot last noticed that the store had lost writes. None if no bot noticed a loss."""

    def __post_init__(self) -> None:
        self.began_at = self.clock.now()

    def begin(self, since: datetime) -> None:
        self.since = max(self.since or since, since)
