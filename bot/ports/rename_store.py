"""Channels that got a new id from Slack."""

from collections.abc import Mapping
from typing import Protocol

from bot.domain.watch import ChannelId


class RenameStore(Protocol):
    async def keep_rename(self, old: ChannelId, new: ChannelId, event_stamp: str) -> None:
        """Records that Slack gave the channel a new id; `rename_channel` does the work.

        An id that led to `old` now leads to `new`, or to the id that `new` leads to. `event_stamp` is Slack's stamp of
        the event: with it, Redis recognises a repeated event after an id came back.
        """
        ...

    async def renames(self) -> Mapping[ChannelId, ChannelId]:
        """The renames still to do: the newest id of each channel, by the old one."""
        ...

    async def newest_id(self, channel: ChannelId) -> ChannelId:
        """The channel's current id; the same one if Slack never changed it."""
        ...

    async def rename_channel(self, old: ChannelId, new: ChannelId) -> int:
        """Moves the channel's watches, deliveries and cards to the new id. Cards keep their keys.

        Returns the number of moved watches.

        Raises:
            StoreAway: also if a sender is sending there, or `new` is no longer the newest id.
        """
        ...
