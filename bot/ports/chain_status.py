"""How far GoldRush has synced each chain."""

from datetime import datetime
from typing import Protocol

from bot.domain.chains import Chain


class ChainStatus(Protocol):
    """The call ends within its deadline, with an answer or an `ApiError` and no other error."""

    async def chains(self, at: datetime) -> tuple[Chain, ...]:
        """All chains, in one request. `at`: its time."""
        ...
