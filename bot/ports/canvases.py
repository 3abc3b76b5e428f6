"""Documents beside the messages of a channel, where the chat has them."""

from typing import Protocol

from bot.domain.postmortem import Postmortem
from bot.domain.watch import ChannelId


class PostmortemCanvases(Protocol):
    async def create(self, channel: ChannelId, postmortem: Postmortem) -> str:
        """Makes a canvas that everyone in the channel may edit, and returns its address.

        Empty: the chat refused, has none, or did not answer. In the last case the canvas may exist.
        """
        ...
