"""Leadership: several bots may answer and send, but only the leader polls."""

from typing import Protocol

from bot.ports.lease_store import Lease


class LeadershipStatus(Protocol):
    """Whether this bot is the one that polls."""

    @property
    def is_leader(self) -> bool:
        """True while this bot leads."""
        ...

    @property
    def lease(self) -> Lease | None:
        """The leader's lease. The store refuses a reading whose lease is lost. None if this bot does not lead."""
        ...
