"""Leadership: several bots may answer and send, but only the leader polls."""

from typing import Protocol


class LeadershipStatus(Protocol):
    @property
    def held(self) -> bool:
        """True while this bot leads."""
        ...
