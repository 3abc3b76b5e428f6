"""Splits long answers of Redis, so that decoding them leaves the event loop its turns."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import TypeVar, cast

from redis.asyncio import Redis

from bot.store.scripts import translating_redis_errors

T = TypeVar("T")
READ_AT_ONCE = 500  # rows
SCANNED_AT_ONCE = 2000  # rows: a start scans all of them; decoding 2,000 takes 20 ms


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Tuples of at most `size` items, as `itertools.batched` of Python 3.12."""
    remaining = iter(items)
    while batch := tuple(islice(remaining, size)):
        yield batch


async def scanned(redis: Redis, key: str) -> AsyncIterator[dict[bytes, bytes]]:
    """All rows of a hash, some at a time. A row that changes meanwhile may come twice, or in either form.

    Raises:
        StoreAway: Redis does not answer.
    """
    with translating_redis_errors():
        cursor, rows = await redis.hscan(key, 0, count=SCANNED_AT_ONCE)
    while cursor != 0:
        following = asyncio.ensure_future(redis.hscan(key, cursor, count=SCANNED_AT_ONCE))
        try:
            await asyncio.sleep(0)  # sends it: Redis looks for the next rows while the bot decodes these
            yield cast("dict[bytes, bytes]", rows)
            with translating_redis_errors():
                cursor, rows = await following
        finally:
            following.cancel()
    yield cast("dict[bytes, bytes]", rows)
    await asyncio.sleep(0)  # a small hash comes as a whole, without waiting for the network
