"""Drafts a postmortem into the thread of a card whose failure has recovered."""

from dataclasses import replace
from enum import Enum

from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.error_note import note_on_error
from bot.domain.note import Guidance
from bot.domain.postmortem import Postmortem, is_due, postmortem_of
from bot.domain.watch import ChannelId
from bot.ports.canvases import PostmortemCanvases
from bot.ports.cards import Cards
from bot.ports.clock import Clock
from bot.ports.configuration_store import ConfigurationStore
from bot.ports.lease_store import LeaseStore
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
        leases: LeaseStore,
        canvases: PostmortemCanvases,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._cards = cards
        self._configurations = configurations
        self._leases = leases
        self._canvases = canvases
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
        draft = postmortem_of(card, row, guidance, by_name)
        ended = card.episode.closed_at
        key = stable_key(card_key, "postmortem", ended.isoformat() if ended else "")
        return await self._post_once(channel, key, draft)

    async def _post_once(self, channel: ChannelId, key: str, draft: Postmortem) -> PostmortemAnswer:
        """Two people may click at once, and nobody needs two canvases: the lease lets one of them through."""
        lease = await self._leases.acquire_lease(f"postmortem:{key}")
        if lease is None or await self._store.has_postmortem(key):
            return PostmortemAnswer.DRAFTED_BEFORE
        try:
            canvas = await self._canvases.create(channel, draft)
            message = Message(
                id=key,
                receiver=in_slack(self._repository.team, channel),
                priority=Priority.UPDATE,
                body=replace(draft, canvas=canvas),
                made_at=self._clock.now(),
            )
            added = await self._store.add_postmortem(message)
        finally:
            await self._leases.release_lease(lease)
        return PostmortemAnswer.DRAFTED if added else PostmortemAnswer.DRAFTED_BEFORE
