"""Channels that got a new id from Slack."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.alias import Aliases, IdChange


class AliasStore(Protocol):
    async def aliases(self) -> Aliases: ...

    async def change_ids(self, changes: Sequence[IdChange]) -> bool:
        """Records new channel ids in one step. False: the store knew them all.

        The rows of a channel keep its stable id. If someone watched under another id of the channel, the watches move
        to the stable id. A suspension because Slack knew no such channel ends.

        Raises:
            StoreAway: nothing was recorded.
        """
        ...
