"""Commands and clicks, kept until the bot has acted on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.watch import TeamId


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """The parts of a command or click that the bot needs to act. A repeated delivery has the same `id`."""

    team: TeamId
    """The bot's workspace. The person's own workspace is in the payload."""
    id: str
    kind: str
    at: datetime
    payload: Mapping[str, str]


class InteractionStore(Protocol):
    @property
    def team(self) -> TeamId: ...

    async def add_interaction(self, interaction: Interaction) -> bool:
        """Keeps an interaction until it is finished. False: it was delivered before, in the last day."""
        ...

    async def finish_interaction(self, interaction: Interaction) -> None: ...

    async def unfinished_interactions(self) -> tuple[Interaction, ...]:
        """Oldest first."""
        ...
