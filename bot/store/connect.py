"""Connects to the store: a Redis by URL, or the embedded Valkey if there is no URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.crc import key_slot

from bot.domain.watch import TeamId
from bot.redis_address import RedisAddress, RedisKind, parse_redis_url
from bot.store.closed_sockets import with_closed_socket_check
from bot.store.embedded import embedded
from bot.store.failover import Generation, with_failover_check
from bot.store.fast_writes import with_fast_writes
from bot.store.keys import Keys
from bot.store.lookup import ClusterLookup, SentinelLookup, ServerLookup, with_lookup

ANSWER_SECONDS = 2.0  # the deadline for connecting, and for each answer


def connect(url: str, team: TeamId | None = None, *, answer_seconds: float = ANSWER_SECONDS) -> redis.asyncio.Redis:
    """A client for any Redis >= 6.2 or Valkey; see docs/settings.md for the URLs. It connects at its first command.

    In a cluster it serves the keys of `team` only. The client leaves a server that takes no writes: see `failover`.

    Raises:
        ValueError: a cluster without `team`.
    """
    address = parse_redis_url(url)
    client = redis.asyncio.Redis.from_url(
        address.url,
        socket_timeout=answer_seconds,
        socket_connect_timeout=answer_seconds,
        health_check_interval=15,
        # The client reopens a broken connection once. The server may already have run the command. A second run is
        # safe: each script checks its version or lease. In the readers' queue, a batch or a result that was added twice
        # counts once, and results that were taken twice are lost, so the scheduler reads again.
        retry=Retry(ExponentialBackoff(base=0.05), retries=1),
    )
    pool, generation = client.connection_pool, Generation()
    writing = with_fast_writes(with_closed_socket_check(pool.connection_class))
    pool.connection_class = with_failover_check(writing, generation)
    if lookup := _lookup(address, team, answer_seconds):
        pool.connection_class = with_lookup(pool.connection_class, lookup, generation)
    return client


def _lookup(address: RedisAddress, team: TeamId | None, answer_seconds: float) -> ServerLookup | None:
    match address.kind:
        case RedisKind.SERVER:
            return None
        case RedisKind.SENTINEL:
            return SentinelLookup(address, answer_seconds)
        case RedisKind.CLUSTER:
            if team is None:
                raise ValueError("in a cluster each workspace has its own slot")
            slot = key_slot(Keys(team)["schema"].encode())  # that of every key of the workspace
            return ClusterLookup(address, answer_seconds, slot)


@asynccontextmanager
async def store_url(url: str | None, data_dir: Path) -> AsyncIterator[str]:
    """The URL of the store: `url`, or that of an embedded server on `data_dir` if `url` is None."""
    if url is not None:
        yield url
        return
    async with embedded(data_dir) as url_of_embedded:
        yield url_of_embedded


@asynccontextmanager
async def connected(url: str, team: TeamId) -> AsyncIterator[redis.asyncio.Redis]:
    client = connect(url, team)
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def opened(url: str | None, data_dir: Path, team: TeamId) -> AsyncIterator[redis.asyncio.Redis]:
    """A client of the Redis at `url`, or of an embedded one on `data_dir` if `url` is None."""
    async with store_url(url, data_dir) as found, connected(found, team) as client:
        yield client
