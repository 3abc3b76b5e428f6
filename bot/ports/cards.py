"""The cards that channels have, alone or in a group."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.card import Burst, PostedCard
from bot.domain.delivery import Receiver


class Cards(Protocol):
    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]: ...

    async def group(self, key: str) -> tuple[PostedCard, ...]:
        """The cards in one group's message."""
        ...

    async def burst_of(self, group_key: str) -> Burst:
        """The totals of the burst that the group belongs to."""
        ...

    async def growing(self, receiver: Receiver) -> tuple[str, ...]:
        """The keys of the receiver's groups that may still grow, oldest first."""
        ...
