"""The use of the GoldRush account."""

from datetime import datetime
from typing import Protocol

from bot.domain.credits import Usage


class AccountUsage(Protocol):
    """The call ends within its deadline, with an answer or an `ApiError` and no other error."""

    async def usage(self, at: datetime) -> Usage:
        """The use of about a month, in one request. `at`: its time."""
        ...
