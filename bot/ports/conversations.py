"""The bot's channels and direct conversations."""

from typing import Protocol

from bot.domain.watch import ChannelId, UserId


class Memberships(Protocol):
    """The channels that the bot is in."""

    async def memberships(self) -> tuple[ChannelId, ...]:
        """The channels that the bot is in.

        Raises:
            ChatAway: the chat does not answer right now.
        """
        ...


class DirectConversations(Protocol):
    """Opens direct conversations with people."""

    async def direct(self, user: UserId) -> ChannelId | None:
        """The conversation of this person's direct messages; None if the chat allows none.

        Raises:
            ChatAway: the chat does not answer right now.
        """
        ...
