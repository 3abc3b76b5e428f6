"""Connects to the store: a Redis by URL, or the embedded Valkey if there is no URL."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from bot.store.closed_sockets import with_closed_socket_check
from bot.store.embedded import embedded
from bot.store.failover import Generation, with_failover_check

ANSWER_SECONDS = 2.0  # the deadline for connecting, and for each answer


def connect(url: str, *, answer_seconds: float = ANSWER_SECONDS) -> redis.asyncio.Redis:
    """A client for any Redis >= 6.2 or Valkey; `rediss://` uses TLS. It connects at its first command.

    The client leaves a server that is no longer the primary: see `failover`.
    """
    client = redis.asyncio.Redis.from_url(
        url,
        socket_timeout=answer_seconds,
        socket_connect_timeout=answer_seconds,
        health_check_interval=15,
        # The client reopens a broken connection once. The server may already have run the command, but each script
        # checks its version or lease, so a second run is safe.
        retry=Retry(ExponentialBackoff(base=0.05), retries=1),
    )
    pool = client.connection_pool
    pool.connection_class = with_failover_check(with_closed_socket_check(pool.connection_class), Generation())
    return client


@asynccontextmanager
async def opened(url: str | None, data_dir: Path) -> AsyncIterator[redis.asyncio.Redis]:
    """A client of the Redis at `url`, or of an embedded one on `data_dir` if `url` is None."""
    async with AsyncExitStack() as stack:
        if url is None:
            url = await stack.enter_async_context(embedded(data_dir))
        client = connect(url)
        stack.push_async_callback(client.aclose)
        yield client
