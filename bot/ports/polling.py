"""The polling, for the heartbeat."""

from typing import Protocol

from bot.domain.observation import PipelineId


class Polling(Protocol):
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
