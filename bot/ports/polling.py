"""The polling of all watched pipelines, as the heartbeat sees it."""

from typing import Protocol

from bot.domain.observation import PipelineId


class Polling(Protocol):
    """Starts with leadership, and reports the pipelines that it has not read yet."""

    @property
    def epoch(self) -> int:
        """Orders this bot's readings after those of the leader before."""
        ...

    def take_over(self, epoch: int) -> None:
        """This bot leads from now on: every pipeline is due."""
        ...

    def unread_since(self, moment: float) -> frozenset[PipelineId]:
        """The polled pipelines without a read since `moment`, in monotonic seconds."""
        ...
