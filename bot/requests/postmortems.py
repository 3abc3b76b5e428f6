"""Drafts a postmortem into the thread of a card whose failure has recovered."""

from enum import Enum

from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.error_note import note_on_error
from bot.domain.note import Guidance
from bot.domain.postmortem import is_due, postmortem_of
from bot.domain.watch import ChannelId
from bot.ports.cards import Cards
from bot.ports.clock import Clock
from bot.ports.configuration_store import ConfigurationStore
from bot.ports.postmortem_store import PostmortemStore
from bot.state.repository import Repository


class PostmortemAnswer(Enum):
    """What became of the request."""

    DRAFTED = "drafted"
    DRAFTED_BEFORE = "drafted_before"
    FAILURE_GOES_ON = "failure_goes_on"
    CARD_UNKNOWN = "card_unknown"


class Postmortems:
    """One for each card and end of its failure, however often people click."""

    def __init__(
        self,
        *,
        repository: Repository,
        cards: Cards,
        configurations: ConfigurationStore,
        store: PostmortemStore,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._cards = cards
        self._configurations = configurations
        self._store = store
        self._clock = clock

    async def draft(self, channel: ChannelId, card_key: str, *, by_name: str) -> PostmortemAnswer:
        posted = (await self._cards.cards([card_key])).get(card_key)
        if posted is None:
            return PostmortemAnswer.CARD_UNKNOWN
        card = posted.content
        if not is_due(card):
            return PostmortemAnswer.FAILURE_GOES_ON
        row = await self._configurations.configuration(card.pipeline.id)
        own = self._repository.guidance(card.pipeline)
        on_error = note_on_error(self._repository.watches.setup, card.episode)
        guidance = Guidance(runbook=own.runbook, note=own.note, on_error=on_error)
        ended = card.episode.closed_at
        message = Message(
            id=stable_key(card_key, "postmortem", ended.isoformat() if ended else ""),
            receiver=in_slack(self._repository.team, channel),
            priority=Priority.UPDATE,
            body=postmortem_of(card, row, guidance, by_name),
            made_at=self._clock.now(),
        )
        added = await self._store.add_postmortem(message)
        return PostmortemAnswer.DRAFTED if added else PostmortemAnswer.DRAFTED_BEFORE
