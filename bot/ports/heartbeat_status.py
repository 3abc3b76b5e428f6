"""What a process knows of the bot that polls, from that bot's heartbeats."""

from datetime import datetime
from typing import Protocol


class HeartbeatStatus(Protocol):
    @property
    def last_at(self) -> datetime | None:
        """When a bot last recorded that it polls. None: never, as far as this process knows."""
        ...

    @property
    def read_since(self) -> datetime | None:
        """Since then, that bot has read all closely watched pipelines. None: it polls none."""
        ...

    @property
    def still_listing(self) -> bool:
        """The first listing of that bot goes on: a process may know only a part of the pipelines."""
        ...
