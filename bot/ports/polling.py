"""The polling of all watched pipelines, as the heartbeat sees it."""

from dataclasses import dataclass
from typing import Protocol

from bot.domain.observation import PipelineId


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """The budget does not pay for the promised age of readings. Both in seconds."""

    promised: float
    oldest: float
    """How old readings get instead."""


class Polling(Protocol):
    """Starts with leadership, and reports the pipelines that it has not read yet."""

    @property
    def epoch(self) -> int:
        """Orders this bot's readings after those of the leader before."""
        ...

    def take_over(self, epoch: int, *, late: bool) -> None:
        """This bot leads from now on: every pipeline is due. `late`: the leader before was late."""
        ...

    def unread_since(self, moment: float) -> frozenset[PipelineId]:
        """The polled pipelines without a read since `moment`, in monotonic seconds."""
        ...

    def lateness(self) -> Lateness | None:
        """None while readings are as fresh as promised."""
        ...
