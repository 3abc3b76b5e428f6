"""Commands and clicks, kept until the bot has acted on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.watch import TeamId


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One command, click or other request of a person, with all that the bot needs to act on it."""

    team: TeamId
    """The bot's workspace. The person's own workspace is in the payload."""
    id: str
    """If the service delivers an interaction twice, both have this id."""
    kind: str
    """The kind of request, as the router in `bot.slack` names it."""
    at: datetime
    payload: Mapping[str, str]
    """The request's own fields: person, channel, text and so on."""


class InteractionStore(Protocol):
    """Keeps interactions, so that a bot that stops in the middle finishes them after its restart."""

    @property
    def team(self) -> TeamId:
        """The workspace that owns the interactions."""
        ...

    async def add_interaction(self, interaction: Interaction) -> bool:
        """Keeps an interaction until it is finished. False: it was delivered before, in the last day."""
        ...

    async def finish_interaction(self, interaction: Interaction) -> None:
        """The bot has acted: removes the interaction, and still recognizes a repeat for a day."""
        ...

    async def unfinished_interactions(self) -> tuple[Interaction, ...]:
        """The interactions that no bot has finished, oldest first."""
        ...
