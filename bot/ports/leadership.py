"""Leadership: several bots may answer and send, but only the leader polls."""

from typing import Protocol


class LeadershipStatus(Protocol):
    """Whether this bot is the one that polls."""

    @property
    def is_leader(self) -> bool:
        """True while this bot leads."""
        ...
