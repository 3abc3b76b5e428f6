"""The cards that channels have, in Redis."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast

from bot.domain.card import Burst, PostedCard
from bot.domain.delivery import Receiver
from bot.domain.grouping import burst_id
from bot.ports.clock import Clock
from bot.store.card_rows import Progress, decode_card
from bot.store.port import RedisPort
from bot.store.scripts import Scripts, decoding, translating_redis_errors

MOST_DECODED = 32_768


class RedisCards(RedisPort):
    """Implements `Cards`. Decodes a card once: later reads only ask for its progress, of all cards in one command."""

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        super().__init__(scripts, clock)
        self._decoded: dict[str, tuple[bytes, Progress, PostedCard]] = {}
        """The progress as read, and what follows from it, by the card's key. The oldest go first."""

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]:
        if not keys:
            return {}
        found, changed = {}, {}
        for key, row in zip(keys, await self._texts([self._keys.posted(key) for key in keys]), strict=True):
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
            texts = await self._texts([self._keys.card(key) for key in unread])
            with decoding("card"):
                contents |= {key: decode_card(text) for key, text in zip(unread, texts, strict=True) if text}
        cards = {key: progress[key].with_content(content) for key, content in contents.items()}
        for key, card in cards.items():
            self._decoded.pop(key, None)
            self._decoded[key] = (rows[key], progress[key], card)
        while len(self._decoded) > MOST_DECODED:
            del self._decoded[next(iter(self._decoded))]
        return cards

    async def groups(self, group_keys: Sequence[str]) -> Mapping[str, tuple[PostedCard, ...]]:
        members = await self._members(group_keys)
        cards = await self.cards([*{key for keys in members.values() for key in keys}])
        return {group: _by_name(cards[key] for key in keys if key in cards) for group, keys in members.items()}

    async def group(self, group_key: str) -> tuple[PostedCard, ...]:
        return (await self.groups([group_key]))[group_key]

    async def burst_of(self, group_key: str) -> Burst:
        groups = await self._groups(burst_id(group_key))
        if group_key not in groups:
            return Burst()
        total = sum(map(len, (await self._members(groups)).values()))
        return Burst(total=total, first=groups[0] == group_key)

    async def growing(self, receiver: Receiver) -> tuple[str, ...]:
        (stored,) = await self._texts([self._keys.growing(receiver)])
        burst, _, until = stored.decode().partition(" ") if stored else ("", "", "")
        return await self._groups(burst) if burst and self._clock.now() < datetime.fromisoformat(until) else ()

    async def _groups(self, burst: str) -> tuple[str, ...]:
        (stored,) = await self._texts([self._keys.burst(burst)])
        return tuple((stored or b"").decode().split())

    async def _members(self, group_keys: Sequence[str]) -> Mapping[str, list[str]]:
        """The keys of each group's cards."""
        if not group_keys:
            return {}
        stored = await self._texts([self._keys.group(key) for key in group_keys])
        return {key: (text or b"").decode().split() for key, text in zip(group_keys, stored, strict=True)}

    async def _texts(self, keys: Sequence[str]) -> list[bytes | None]:
        with translating_redis_errors():
            return cast("list[bytes | None]", await self._redis.mget(keys))


def _by_name(cards: Iterable[PostedCard]) -> tuple[PostedCard, ...]:
    return tuple(sorted(cards, key=lambda card: card.content.pipeline.name.lower()))
