"""Finds single keys that Redis evicted or somebody deleted, while the server and its count of writes stay the same.

Restores the keys that follow from other keys. The caller restores those that only its process knows.
"""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from bot.domain.delivery import Lane
from bot.domain.watch import ChannelId
from bot.store.card_rows import Progress
from bot.store.codec import decode_delivery
from bot.store.scripts import Scripts, decoding, translating_redis_errors

# Keys that never expire once written. A key that may run empty has a mark of this type, which keeps it.
PERMANENT: Mapping[str, str] = {
    "records": "",
    "versions": "",
    "watches": "hash",
    "watches_version": "",
    "notes": "hash",
    "setup": "hash",
    "audit": "",
    "pipelines": "hash",
    "suspended": "hash",
    "resumed": "",
    "aliases": "",
    "last_ts": "",
    "holds": "hash",
    "interactions": "hash",
    "epoch": "",
    "sequence": "",
}
GROUP_SECONDS = 30 * 24 * 3600
CARDS_AT_ONCE = 1000
"""One call checks so many cards, and the next call the following ones: reading all of a large burst takes too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _LostCards:
    """What Redis lost of the cards of open episodes. A group's open cards name it, so they can restore it."""

    contents: Sequence[str] = ()
    progress: Sequence[str] = ()
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The cards of each lost group."""

    @property
    def any(self) -> bool:
        return bool(self.contents or self.progress or self.groups)


class Losses:
    """Compares the keys in Redis with those that must be there."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._keys = scripts.keys
        self._team = scripts.team
        self._present = scripts.script("present")
        self._reconcile = scripts.script("reconcile")
        self._first_card = 0

    async def find(
        self, cards: Sequence[str], suspended: Iterable[ChannelId]
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        """The names of the keys lost since the last call, and the lost ones of `cards` (those of open episodes).

        Raises:
            StoreAway: Redis does not answer. The next call finds the same losses.
        """
        with translating_redis_errors():
            permanent = await self._lost_permanent()
            missing, of_cards = await self._lost_cards(cards)
            lanes = await self._lost_lanes(thorough="sequence" in permanent)
            notices = await self._lost_suspend_notices(suspended)
        return (*permanent, *lanes, *of_cards, *notices), missing

    async def _lost_permanent(self) -> list[str]:
        keys = [self._keys[name] for name in ("heartbeat", "records")] + [self._keys[name] for name in PERMANENT]
        lost = await self._present(keys=keys, args=[part for pair in PERMANENT.items() for part in pair])
        return [name.decode() for name in cast("list[bytes]", lost)]

    # --- cards -----------------------------------------------------------------------------------------------------

    async def _lost_cards(self, cards: Sequence[str]) -> tuple[frozenset[str], list[str]]:
        """The lost ones of these cards, and the names of the lost keys. Restores lost groups."""
        lost = await self._compared(self._next(cards))
        if lost.any:
            lost = await self._compared(cards)
        for group, members in lost.groups.items():
            await self._redis.set(self._keys.group(group), " ".join(members), nx=True, ex=GROUP_SECONDS)
        names = {"card": lost.contents, "posted": lost.progress, "group": lost.groups}
        return frozenset({*lost.contents, *lost.progress}), [name for name, keys in names.items() if keys]

    def _next(self, cards: Sequence[str]) -> Sequence[str]:
        first = self._first_card if self._first_card < len(cards) else 0
        self._first_card = first + CARDS_AT_ONCE
        return cards[first : first + CARDS_AT_ONCE]

    async def _compared(self, cards: Sequence[str]) -> _LostCards:
        if not cards:
            return _LostCards()
        rows = cast("list[bytes | None]", await self._redis.mget([self._keys.posted(key) for key in cards]))
        with decoding("posted"):
            progress = {key: Progress.decode(row) for key, row in zip(cards, rows, strict=True) if row}
        wanted = [key for key in cards if key not in progress or not progress[key].forgotten]
        groups: dict[str, list[str]] = {}
        for key, card in progress.items():
            if card.group:
                groups.setdefault(card.group, []).append(key)
        members = await self._redis.mget([self._keys.group(group) for group in groups]) if groups else []
        return _LostCards(
            contents=await self._without_content(wanted),
            progress=[key for key in wanted if key not in progress or not progress[key].has_content],
            groups={group: groups[group] for group, text in zip(groups, members, strict=True) if not text},
        )

    async def _without_content(self, cards: Sequence[str]) -> Sequence[str]:
        """One command if no card's content is lost."""
        keys = [self._keys.card(key) for key in cards]
        if not keys or await self._redis.exists(*keys) == len(keys):
            return ()
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.exists(key)
            there = await pipe.execute()
        return [key for key, exists in zip(cards, there, strict=True) if not exists]

    # --- deliveries -------------------------------------------------------------------------------------------------

    async def _lost_lanes(self, *, thorough: bool) -> list[str]:
        """`thorough`: check even if the lanes agree, because a lost `sequence` must continue after the last row."""
        if not thorough and await self._lanes_agree():
            return []
        rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["deliveries"]))
        readable = self._scripts.readable("deliveries", rows.items(), lambda _, row: decode_delivery(row, self._team))
        oldest_first = sorted(readable.items(), key=lambda row: (row[1].message.made_at, row[0]))
        lane_of = {id_: delivery.lane for id_, delivery in oldest_first}
        lane_names = await cast("Awaitable[set[bytes]]", self._redis.smembers(self._keys["lanes"]))
        lanes = sorted({lane.name for lane in lane_of.values()} | {name.decode() for name in lane_names})
        numbers = {name: number for number, name in enumerate(lanes, 1)}
        places = [part for id_, lane in lane_of.items() for part in (id_, numbers[lane.name])]
        keys = [self._keys[name] for name in ("deliveries", "lanes", "sequence")]
        outboxes = [self._keys.outbox(Lane.from_name(self._team, name)) for name in lanes]
        args: list[str | int | bytes] = [len(lanes), self._keys["outbox:"], *lanes, *places]
        lost = await self._reconcile(keys=[*keys, *outboxes], args=args)
        return [name.decode() for name in cast("list[bytes]", lost)]

    async def _lanes_agree(self) -> bool:
        """A cheap check in two steps. It says nothing if lanes came or went between them: a later call checks them."""
        names = await cast("Awaitable[set[bytes]]", self._redis.smembers(self._keys["lanes"]))
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.smembers(self._keys["lanes"])
            pipe.hlen(self._keys["deliveries"])
            for name in names:
                pipe.zcard(self._keys.outbox(Lane.from_name(self._team, name.decode())))
            names_now, rows, *counts = await pipe.execute()
        return bool(names_now != names or (rows == sum(counts) and all(counts)))

    async def _lost_suspend_notices(self, suspended: Iterable[ChannelId]) -> list[str]:
        """A suspended channel always has a suspend notice. Without it, the bot may notify the makers again."""
        lost = False
        for channel in suspended:
            lost |= bool(await self._redis.set(self._keys.suspend_notice(channel), "", nx=True, ex=GROUP_SECONDS))
        return ["suspend_notice"] if lost else []
