"""The cards that channels have, in Redis."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple, TypeVar, cast

from bot.domain.card import PostedCard, PostedGroup
from bot.domain.delivery import Receiver
from bot.ports.clock import Clock
from bot.store.card_rows import Progress, decode_card
from bot.store.port import RedisPort
from bot.store.scripts import Scripts, decoding, translating_redis_errors

MOST_DECODED, MOST_GROUPS = 32_768, 2048
Known = TypeVar("Known")


class RedisCards(RedisPort):
    """Implements `Cards` and `ThreadStore`.

    Decodes a card once: later reads only ask for its progress, of all cards in one command.
    """

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        super().__init__(scripts, clock)
        self._decoded: dict[str, tuple[bytes, Progress, PostedCard]] = {}
        """The progress as read, and what follows from it, by the card's key. The oldest go first."""
        self._known_groups: dict[str, _KnownGroup] = {}
        """As last read, by the group's key. The oldest go first."""

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]:
        if not keys:
            return {}
        return await self._decoded_cards(zip(keys, await self._texts(map(self._keys.posted, keys)), strict=True))

    async def thread_top(self, receiver: Receiver, message_id: str) -> str:
        with translating_redis_errors():
            key = await self._redis.get(self._keys.thread(receiver, message_id))
        return key.decode() if isinstance(key, bytes) else ""

    async def _decoded_cards(self, rows: Iterable[tuple[str, bytes | None]]) -> Mapping[str, PostedCard]:
        """`rows`: the progress of each card, by its key."""
        found, changed = {}, {}
        for key, row in rows:
            if (known := self._decoded.get(key)) and known[0] == row:
                found[key] = known[2]
            elif row is not None:
                changed[key] = row
        return found | await self._decode(changed) if changed else found

    async def _decode(self, rows: Mapping[str, bytes]) -> dict[str, PostedCard]:
        """Reads the content of these cards, unless it is the one that this process knows. `rows`: their progress."""
        with decoding("posted"):
            progress = {key: Progress.decode(row) for key, row in rows.items()}
        wanted = [key for key, now in progress.items() if now.has_content]
        contents = {
            key: known[2].content
            for key in wanted
            if (known := self._decoded.get(key)) and progress[key].check and known[1].check == progress[key].check
        }
        if unread := [key for key in wanted if key not in contents]:
            texts = await self._texts(map(self._keys.card, unread))
            with decoding("card"):
                contents |= {key: decode_card(text) for key, text in zip(unread, texts, strict=True) if text}
        cards = {key: progress[key].with_content(content) for key, content in contents.items()}
        _remember(self._decoded, {key: (rows[key], progress[key], card) for key, card in cards.items()}, MOST_DECODED)
        return cards

    async def groups(self, group_keys: Sequence[str]) -> Mapping[str, PostedGroup]:
        """One command, if the groups have the same cards as last time: it asks for their progress as well."""
        if not group_keys:
            return {}
        known = {key: self._known_groups.get(key, _NO_GROUP) for key in group_keys}
        likely = [*dict.fromkeys(chain.from_iterable(group.keys for group in known.values()))]
        texts = await self._texts([*map(self._keys.group, group_keys), *map(self._keys.posted, likely)])
        groups = {key: known[key].updated(text or b"") for key, text in zip(group_keys, texts, strict=False)}
        rows = dict(zip(likely, texts[len(group_keys) :], strict=True))
        if late := [key for key in chain.from_iterable(group.keys for group in groups.values()) if key not in rows]:
            rows |= zip(late, await self._texts(map(self._keys.posted, late)), strict=True)
        read = {key: group.with_rows([rows[card] for card in group.keys]) for key, group in groups.items()}
        if changed := {
            card: rows[card] for key, group in read.items() if group is not groups[key] for card in group.keys
        }:
            cards = await self._decoded_cards(changed.items())
            read = {key: group if group is groups[key] else group.with_cards(cards) for key, group in read.items()}
        _remember(self._known_groups, read, MOST_GROUPS)
        return {key: PostedGroup(cards=group.by_name, size=len(group.keys)) for key, group in read.items()}

    async def group(self, group_key: str) -> tuple[PostedCard, ...]:
        return (await self.groups([group_key]))[group_key].cards

    async def recent_failures(self, receiver: Receiver, since: datetime) -> tuple[str, ...]:
        with translating_redis_errors():
            query = self._redis.zrangebyscore(self._keys.recent(receiver), since.timestamp(), "+inf")
            return tuple(key.decode() for key in await cast("Awaitable[list[bytes]]", query))

    async def _texts(self, keys: Iterable[str]) -> list[bytes | None]:
        with translating_redis_errors():
            return cast("list[bytes | None]", await self._redis.mget([*keys]))


class _KnownGroup(NamedTuple):
    """The cards of a group, as last read."""

    text: bytes
    """The keys of the cards, as stored."""
    keys: tuple[str, ...]
    rows: Sequence[bytes | None] = ()
    """The progress of each card, as stored. The same progress means the same card."""
    by_name: tuple[PostedCard, ...] = ()
    """The cards ordered by the pipeline's name, without those that the store forgot."""

    def updated(self, text: bytes) -> "_KnownGroup":
        return self if text == self.text else _KnownGroup(text, tuple(text.decode().split()))

    def with_rows(self, rows: Sequence[bytes | None]) -> "_KnownGroup":
        return self if rows == self.rows else self._replace(rows=rows)

    def with_cards(self, known: Mapping[str, PostedCard]) -> "_KnownGroup":
        """If the store forgot a card, the next call asks for all of them again."""
        cards = [known[key] for key in self.keys if key in known]
        by_name = sorted(cards, key=lambda card: card.content.pipeline.name.lower())
        return self._replace(rows=self.rows if len(cards) == len(self.keys) else (), by_name=tuple(by_name))


_NO_GROUP = _KnownGroup(b"", ())


def _remember(known: dict[str, Known], new: Mapping[str, Known], most: int) -> None:
    """Adds the new entries as the latest ones, and forgets the oldest."""
    for key, value in new.items():
        known.pop(key, None)
        known[key] = value
    while len(known) > most:
        del known[next(iter(known))]
