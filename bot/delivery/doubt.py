"""Whether the store may have forgotten what was sent: whatever was open then is looked for before it is sent."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.ports.clock import Clock


@dataclass(slots=True)
class Doubt:
    clock: Clock
    began_at: datetime = field(init=False)
    """When this bot began: what is older was owed by one before it."""
    since: datetime | None = None
    """When the store was last found to have gone back in time, by whichever bot; None: never, as far as is known."""

    def __post_init__(self) -> None:
        self.began_at = self.clock.now()

    def arise(self, since: datetime) -> None:
        self.since = max(self.since or since, since)
