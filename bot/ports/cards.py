"""The cards of episodes: their latest content, and how much of it each channel has seen."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.card import Burst, PostedCard
from bot.domain.delivery import Receiver


class Cards(Protocol):
    """Reads cards. `RecordStore.commit` and the outbox write them."""

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]:
        """The cards by their keys. Leaves out unknown keys."""
        ...

    async def group(self, key: str) -> tuple[PostedCard, ...]:
        """The cards in one group's message, ordered by pipeline name; empty for an unknown group."""
        ...

    async def groups(self, group_keys: Sequence[str]) -> Mapping[str, tuple[PostedCard, ...]]:
        """As `group`, for each of these groups, by its key."""
        ...

    async def burst_of(self, group_key: str) -> Burst:
        """The size of the burst that the group belongs to, and the group's place in it."""
        ...

    async def growing(self, receiver: Receiver) -> tuple[str, ...]:
        """The keys of the groups that new failures of this receiver still join, oldest first."""
        ...
