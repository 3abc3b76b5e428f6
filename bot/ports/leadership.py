"""Leadership: several bots may answer, but only the leader polls, and only the active sender sends."""

from typing import Protocol

from bot.ports.lease_store import Lease


class LeadershipStatus(Protocol):
    """Whether this bot is the one that polls, or the one that sends."""

    @property
    def is_leader(self) -> bool:
        """True while this bot leads."""
        ...

    @property
    def lease(self) -> Lease | None:
        """The leader's lease. The store refuses a reading whose lease is lost. None if this bot does not lead."""
        ...


class SendingRight(LeadershipStatus, Protocol):
    """The right to send, which one bot of a workspace has at a time."""

    async def acquire(self) -> bool:
        """Takes or extends the right. True if this bot has just become the active sender."""
        ...

    async def release(self) -> None:
        """Ends the right early, so that another bot can send at once."""
        ...
