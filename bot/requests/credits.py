"""Answers people who ask for the account's credits."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.credits import CreditsState
from bot.ports.clock import Clock
from bot.ports.credits_store import CreditsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsAnswer:
    """The account as last read. A question costs no request to GoldRush."""

    at: datetime
    state: CreditsState


class Credits:
    """Anyone who may type commands may read the account's credits, as with a pipeline's status."""

    def __init__(self, *, store: CreditsStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def answer(self) -> CreditsAnswer:
        """
        Raises:
            StoreAway: nothing is known.
        """
        return CreditsAnswer(at=self._clock.now(), state=await self._store.credits())
