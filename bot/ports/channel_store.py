"""Channels that take no messages for a while, and greetings."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.delivery import Message
from bot.domain.watch import ChannelId, SuspendReason, Watch


class ChannelStore(Protocol):
    """Suspends and resumes channels. The watches and messages of a suspended channel stay."""

    async def suspend(
        self, channel: ChannelId, reason: SuspendReason, notices: Sequence[Message], watches: Sequence[Watch]
    ) -> int | None:
        """Suspends the channel and enqueues `notices` to the people who made its watches.

        Enqueues nothing if they know the reason already and no message arrived since. Returns the number of notified
        people. None: nothing was changed, because the channel is suspended already or its watches differ from
        `watches`. Read them again.
        """
        ...

    async def resume(self, channel: ChannelId, *, on_trial: bool = False) -> bool:
        """Sends to the channel again. False: it was not suspended.

        `on_trial`: the channel may still refuse messages. So the store remembers for a day which reason the makers
        know, and does not notify them twice. Otherwise, and after a new watch, it forgets that.
        """
        ...

    async def add_greeting(self, greeting: Message) -> bool:
        """Enqueues the greeting, unless its channel was greeted in the last 30 days. False: it was."""
        ...
