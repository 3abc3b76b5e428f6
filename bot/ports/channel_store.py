"""Channels that take no messages for a while, and greetings."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.delivery import Message
from bot.domain.watch import ChannelId, SuspendReason, Watch


class ChannelStore(Protocol):
    async def suspend(
        self, channel: ChannelId, reason: SuspendReason, told: Sequence[Message], watches: Sequence[Watch]
    ) -> int | None:
        """Suspends the channel and enqueues `told` for the people who made its watches.

        Nothing is enqueued if they already know the reason and no message arrived since. Answers how many are told.
        None: the channel is suspended already, or its watches are not `watches`; read them again.
        """
        ...

    async def resume(self, channel: ChannelId, *, on_trial: bool = False) -> bool:
        """`on_trial`: the channel only seems to take messages again, so Redis remembers for a day what its makers know.

        Otherwise, and if the channel gets a new watch, Redis forgets that. False: the channel was not suspended.
        """
        ...

    async def say_hello(self, greeting: Message) -> bool:
        """Enqueues the greeting, unless its channel was greeted in the last 30 days. False: it was."""
        ...
