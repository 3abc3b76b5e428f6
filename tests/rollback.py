"""Rolls Redis back in time, like a failover to a lagging replica or a restore."""

from collections.abc import Awaitable
from typing import Any, cast

import redis.asyncio

Snapshot = list[tuple[Any, Any, Any, int]]  # redis types keys and kinds as text or bytes; here they are bytes


async def snapshot(client: redis.asyncio.Redis) -> Snapshot:
    taken: Snapshot = []
    for key in sorted(await client.keys("*")):
        kind = await client.type(key)
        taken.append((key, kind, await _value(client, kind, key), await client.pttl(key)))
    return taken


async def _value(client: redis.asyncio.Redis, kind: Any, key: Any) -> Any:
    match kind:
        case b"string":
            return await client.get(key)
        case b"hash":
            return await cast("Awaitable[Any]", client.hgetall(key))
        case b"zset":
            return dict(cast("list[tuple[bytes, float]]", await client.zrange(key, 0, -1, withscores=True)))
        case b"stream":
            return await client.xrange(key)
        case b"list":
            return await cast("Awaitable[Any]", client.lrange(key, 0, -1))
        case _:
            return await cast("Awaitable[Any]", client.smembers(key))


async def go_back(client: redis.asyncio.Redis, to: Snapshot) -> None:
    await client.flushall()
    for key, kind, value, milliseconds in to:
        match kind:
            case b"stream":
                for entry_id, fields in value:
                    await client.xadd(key, fields, id=entry_id)
            case b"string":
                await client.set(key, value)
            case b"hash":
                await cast("Awaitable[Any]", client.hset(key, mapping=value))
            case b"zset":
                await client.zadd(key, value)
            case b"list":
                await cast("Awaitable[Any]", client.rpush(key, *value))
            case _:
                await cast("Awaitable[Any]", client.sadd(key, *value))
        if milliseconds > 0:
            await client.pexpire(key, milliseconds)
