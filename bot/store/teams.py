"""Lists the workspaces that use a Redis."""

from typing import cast

import redis.asyncio

from bot.domain.watch import TeamId
from bot.store.keys import Keys
from bot.store.scripts import translating_redis_errors

MOST_STEPS = 200
AT_ONCE = 1000  # keys looked at in one step


async def teams(client: redis.asyncio.Redis) -> tuple[TeamId, ...]:
    """The workspaces with data, sorted. In a very large Redis, or in a cluster, some may be missing.

    Raises:
        StoreAway
    """
    before, after = Keys(TeamId("*"))["schema"].split("*")
    cursor, found = 0, set[TeamId]()
    for _ in range(MOST_STEPS):
        with translating_redis_errors():
            cursor, keys = await client.scan(cursor, match=f"{before}*{after}", count=AT_ONCE)
        found |= {TeamId(key.decode().removeprefix(before).removesuffix(after)) for key in cast("list[bytes]", keys)}
        if cursor == 0:
            break
    return tuple(sorted(found))
