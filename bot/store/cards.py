"""Cards as the store knows them, for whoever asks."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import cast

import redis.asyncio

from bot.domain.card import PostedCard
from bot.store.codec import decode_posted_card
from bot.store.keys import Keys
from bot.store.scripts import away


async def read_cards(client: redis.asyncio.Redis, keys: Keys, wanted: Sequence[str]) -> Mapping[str, PostedCard]:
    if not wanted:
        return {}
    with away():
        async with client.pipeline(transaction=False) as pipe:
            for key in wanted:
                pipe.hgetall(keys.card(key))
            rows = await pipe.execute()
    return {key: decode_posted_card(row) for key, row in zip(wanted, rows, strict=True) if b"content" in row}


async def read_group(client: redis.asyncio.Redis, keys: Keys, key: str) -> tuple[PostedCard, ...]:
    """The cards that one message tells of."""
    with away():
        members = await cast("Awaitable[set[bytes]]", client.smembers(keys.group(key)))
    cards = await read_cards(client, keys, sorted(member.decode() for member in members))
    return tuple(sorted(cards.values(), key=lambda card: card.content.pipeline.name.lower()))
