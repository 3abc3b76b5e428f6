"""Whether the store may have forgotten what was sent: for a while, everything open is looked for before it is sent."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.ports import Clock

SECONDS = 600.0


@dataclass(slots=True)
class Doubt:
    clock: Clock
    began_at: datetime = field(init=False)
    """When this bot began: what is older was owed by one before it."""
    _since: datetime | None = None
    _until: float = 0.0

    def __post_init__(self) -> None:
        self.began_at = self.clock.now()

    def arise(self) -> None:
        self._since, self._until = self.clock.now(), self.clock.monotonic() + SECONDS

    @property
    def since(self) -> datetime | None:
        """None where there is no doubt."""
        return self._since if self.clock.monotonic() < self._until else None
