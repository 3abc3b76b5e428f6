"""Deletes all data of one workspace, and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import redis.asyncio

from bot.domain.watch import TeamId
from bot.store.keys import Keys
from bot.store.readable import MARK
from bot.store.scripts import translating_redis_errors

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceData:
    """How much data of one workspace Redis holds, for the question before it is deleted."""

    keys: int
    watches: int
    pipelines: int
    notes: int
    setup: int
    """Policies, schedules and other settings."""
    deliveries: int
    """Messages that are not sent yet."""
    last_heartbeat: datetime | None
    """The last heartbeat of the bot that polls. None if there was none."""


async def workspace_data(client: redis.asyncio.Redis, team: TeamId) -> WorkspaceData:
    """Counts the data of one workspace.

    Raises:
        StoreAway: Redis does not answer.
    """
    keys = Keys(team)
    number = 0
    async for names in _batches(client, keys):
        number += len(names)
    with translating_redis_errors():
        async with client.pipeline(transaction=False) as pipe:
            for name in ("watches", "records", "notes", "setup", "deliveries"):
                pipe.hlen(keys[name])
            for name in ("watches", "notes", "setup"):
                pipe.hexists(keys[name], MARK)
            pipe.hget(keys["heartbeat"], "at")
            watches, pipelines, notes, setup, deliveries, *marked, at = await pipe.execute()
    watches_marked, notes_marked, setup_marked = marked
    last_heartbeat = datetime.fromisoformat(at.decode()) if at else None
    return WorkspaceData(
        keys=number,
        watches=watches - watches_marked,
        pipelines=pipelines,
        notes=notes - notes_marked,
        setup=setup - setup_marked,
        deliveries=deliveries,
        last_heartbeat=last_heartbeat,
    )


async def forget(client: redis.asyncio.Redis, team: TeamId) -> int:
    """Deletes all keys of the workspace. Returns their number.

    All of them lie in one slot of a cluster, so one command may name many.

    Raises:
        StoreAway: Redis does not answer. Some keys may be left; a second run deletes them.
    """
    keys, deleted = Keys(team), 0
    async for names in _batches(client, keys):
        with translating_redis_errors():
            deleted += await client.unlink(*names)
    return deleted


async def _batches(client: redis.asyncio.Redis, keys: Keys) -> AsyncIterator[list[bytes | str]]:
    """Yields each key once: a scan may return a key several times."""
    cursor, yielded = 0, set[bytes | str]()
    while True:
        with translating_redis_errors():
            cursor, scanned = await client.scan(cursor, match=keys.all_keys_pattern, count=BATCH)
        names = [name for name in scanned if name not in yielded]
        yielded.update(names)
        for first in range(0, len(names), BATCH):
            yield names[first : first + BATCH]
        if cursor == 0:
            return
