"""Drafts a postmortem into the thread of a card whose failure has recovered."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from itertools import chain

from bot.domain.card import Card
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.error_note import note_on_error
from bot.domain.note import Guidance
from bot.domain.postmortem import (
    MOST_MEMBERS,
    Postmortem,
    first_failures,
    group_postmortem_of,
    is_due,
    is_group_due,
    leading_failure,
    postmortem_of,
)
from bot.domain.watch import ChannelId
from bot.ports.canvases import PostmortemCanvases
from bot.ports.cards import Cards
from bot.ports.clock import Clock
from bot.ports.configuration_store import ConfigurationStore
from bot.ports.history_store import HistoryStore
from bot.ports.lease_store import LeaseStore
from bot.ports.postmortem_store import PostmortemStore
from bot.ports.store_errors import StoreAway
from bot.state.repository import Repository


class PostmortemAnswer(Enum):
    """What became of the request."""

    DRAFTED = "drafted"
    DRAFTED_BEFORE = "drafted_before"
    CANVAS_IN_DOUBT = "canvas_in_doubt"
    """Drafted without a canvas: an earlier attempt broke off, and may have made one."""
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
        history: HistoryStore,
        store: PostmortemStore,
        leases: LeaseStore,
        canvases: PostmortemCanvases,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._cards = cards
        self._configurations = configurations
        self._history = history
        self._leases = leases
        self._canvases = canvases
        self._store = store
        self._clock = clock
        self._canvases_made: dict[str, str] = {}
        """The addresses of canvases, or empty texts, until their drafts are stored."""

    async def draft(self, channel: ChannelId, card_key: str, *, by_name: str) -> PostmortemAnswer:
        posted = (await self._cards.cards([card_key])).get(card_key)
        if posted is None:
            return PostmortemAnswer.CARD_UNKNOWN
        card = posted.content
        if not is_due(card):
            return PostmortemAnswer.FAILURE_GOES_ON
        row = await self._configurations.configuration(card.pipeline.id)
        receipts = await self._history.receipts(card.pipeline.id)
        draft = postmortem_of(card, row, self._guidance(card), by_name, receipts)
        ended = card.episode.closed_at
        key = stable_key(card_key, "postmortem", ended.isoformat() if ended else "")
        return await self._post_once(channel, key, draft)

    async def draft_group(self, channel: ChannelId, group_key: str, *, by_name: str) -> PostmortemAnswer:
        """One draft about all failures of a group. Its thread is that of the group's message."""
        cards = first_failures(card.content for card in await self._cards.group(group_key))
        if not cards:
            return PostmortemAnswer.CARD_UNKNOWN
        if not is_group_due(cards):
            return PostmortemAnswer.FAILURE_GOES_ON
        ids = [card.pipeline.id for card in cards[:MOST_MEMBERS]]
        rows = await asyncio.gather(*map(self._configurations.configuration, ids))
        receipts = chain.from_iterable(await asyncio.gather(*map(self._history.receipts, ids)))
        guidance = self._guidance(leading_failure(cards))
        draft = group_postmortem_of(cards, dict(zip(ids, rows, strict=True)), guidance, by_name, receipts)
        ended = draft.episode.closed_at
        key = stable_key(group_key, "postmortem", ended.isoformat() if ended else "")
        return await self._post_once(channel, key, draft)

    def _guidance(self, card: Card) -> Guidance:
        """The notes of now."""
        own = self._repository.guidance(card.pipeline)
        return replace(own, on_error=note_on_error(self._repository.watches.setup, card.episode))

    async def _post_once(self, channel: ChannelId, key: str, draft: Postmortem) -> PostmortemAnswer:
        """Two people may click at once, and nobody needs two canvases: the lease lets one of them through."""
        lease = await self._leases.acquire_lease(f"postmortem:{key}")
        if lease is None or await self._store.has_postmortem(key):
            return PostmortemAnswer.DRAFTED_BEFORE
        try:
            begins = await self._store.begin_canvas(key)  # Slack would make a second one
            if begins:
                self._canvases_made[key] = await self._canvases.create(channel, draft)
            canvas = self._canvases_made.get(key)
            message = Message(
                id=key,
                receiver=in_slack(self._repository.team, channel),
                priority=Priority.UPDATE,
                body=replace(draft, canvas=canvas or ""),
                made_at=self._clock.now(),
            )
            added = await self._store.add_postmortem(message)
        finally:
            with suppress(StoreAway):  # it expires
                await self._leases.release_lease(lease)
        self._canvases_made.pop(key, None)
        if not added:
            return PostmortemAnswer.DRAFTED_BEFORE
        return PostmortemAnswer.CANVAS_IN_DOUBT if canvas is None else PostmortemAnswer.DRAFTED
