"""The latest usage of the account, for the leader that reads it and for all who show it."""

from typing import Protocol

from bot.domain.credits import CreditsState


class CreditsStore(Protocol):
    """Losing it costs an hour without figures. So no lease guards it: the latest writer wins."""

    async def credits(self) -> CreditsState:
        """As last saved; empty if there is none, or an unreadable one: the next reading replaces it."""
        ...

    async def save_credits(self, state: CreditsState) -> None: ...
