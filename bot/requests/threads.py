"""Finds the pipelines that a thread is about: those of the card or group at its top."""

from dataclasses import dataclass

from bot.domain.catalogue import Pipeline
from bot.domain.delivery import in_slack
from bot.domain.watch import ChannelId
from bot.ports.cards import Cards
from bot.ports.thread_store import ThreadStore
from bot.state.repository import Repository


@dataclass(frozen=True, slots=True)
class ThreadTopic:
    """What a thread is about."""

    pipelines: tuple[Pipeline, ...] = ()
    """By name; more than one in the thread of a group. Empty for the thread of another message."""
    key: str = ""
    """The key of the card or group at the top."""


class Threads:
    """Reads the store each time: people rarely write in threads."""

    def __init__(self, *, repository: Repository, cards: Cards, threads: ThreadStore) -> None:
        self._repository = repository
        self._cards = cards
        self._threads = threads

    async def topic(self, channel: ChannelId, message_id: str) -> ThreadTopic:
        key = await self._threads.thread_top(in_slack(self._repository.team, channel), message_id)
        if not key:
            return ThreadTopic()
        cards = (*(await self._cards.cards([key])).values(), *await self._cards.group(key))
        by_id = {card.content.pipeline.id: card.content.pipeline for card in cards}
        return ThreadTopic(tuple(sorted(by_id.values(), key=lambda pipeline: pipeline.name.lower())), key)
