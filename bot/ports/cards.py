"""The cards of episodes: their latest content, and how much of it each channel has seen."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.card import PostedCard, PostedGroup
from bot.domain.delivery import Receiver


class Cards(Protocol):
    """Reads cards. `RecordStore.commit` and the outbox write them."""

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]:
        """The cards by their keys. Leaves out unknown keys."""
        ...

    async def group(self, key: str) -> tuple[PostedCard, ...]:
        """The cards in one group's message, ordered by pipeline name; empty for an unknown group."""
        ...

    async def groups(self, group_keys: Sequence[str]) -> Mapping[str, PostedGroup]:
        """Each of these groups, by its key."""
        ...

    async def recent_failures(self, receiver: Receiver, since: datetime) -> tuple[str, ...]:
        """What the receiver got since then, oldest first: the keys of failure cards, and of groups that took more."""
        ...
