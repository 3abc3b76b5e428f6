"""The heartbeat's view of a process that never polls: one without the role of the scheduler."""

from bot.coordination.leadership import Leadership
from bot.domain.observation import PipelineId


class Follower(Leadership):
    """Leaves the leader's lease to others."""

    async def acquire(self) -> bool:
        return False


class NoPolling:
    """Implements `Polling` for a process that reads no pipeline."""

    epoch = 0

    def take_over(self, epoch: int, *, late: bool) -> None:
        """Only a process that polls needs to know."""

    def unread_since(self, _moment: float) -> frozenset[PipelineId]:
        return frozenset()

    def lateness(self) -> None:
        """Only a process that polls knows it."""
