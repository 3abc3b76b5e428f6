"""A carrier: all that delivery needs to reach the receivers of one kind.

A new kind of receiver is one more carrier, wired in workspace/parts.py.
"""

from dataclasses import dataclass
from typing import Protocol

from bot.delivery.rate_limiter import RateLimiter
from bot.domain.delivery import Receiver
from bot.domain.watch import SuspendReason
from bot.ports.chat import Chat


class Suspender(Protocol):
    """Stops the messages to a receiver that takes none."""

    async def suspend(self, receiver: Receiver, reason: SuspendReason) -> None:
        """Sends nothing more to a receiver that refused a message, until it resumes.

        Raises:
            StoreAway, ChatAway: nothing was changed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """The service, the pace of its calls, and what happens to a receiver that takes no messages."""

    chat: Chat
    limiter: RateLimiter
    suspender: Suspender
