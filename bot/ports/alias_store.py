"""Channels that got a new id from Slack."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.alias import Aliases, IdChange


class AliasStore(Protocol):
    """Knows the ids of every channel, and keeps watches under the stable ones."""

    async def aliases(self) -> Aliases:
        """Every channel that ever got another id, with all its ids."""
        ...

    async def change_ids(self, changes: Sequence[IdChange]) -> bool:
        """Records new channel ids, all in one step. False: the store knew them all.

        The rows of a channel keep its stable id. If someone watched under another id of the channel, the watches move
        to the stable id. A suspension because Slack knew no such channel ends.

        Raises:
            StoreAway: the ids may or may not be recorded. A second try with the same changes is safe.
        """
        ...
