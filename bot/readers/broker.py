"""Taskiq's broker over a Redis stream: hands each batch to one reader, and a dead reader's batches to another.

`taskiq-redis` claims a dead worker's messages after ten minutes, only when a new message comes, and under a lock that
has no timeout and whose key lies outside the workspace. Here readers claim within seconds and need no lock: XAUTOCLAIM
gives a message to one caller. A living reader keeps its batches by claiming them again, however slow GoldRush is.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from taskiq import AckableMessage
from taskiq_redis import RedisStreamBroker

from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.store import Component, StoreUnreachable

GROUP = "readers"
BLOCK_SECONDS = 1.0  # shorter than the store's deadline for an answer
KEEP_SECONDS = 1.5  # between two renewals of a living reader's batches
IDLE_SECONDS = 5.0  # from then on a batch counts as a dead reader's
CLAIM_SECONDS = 2.0  # between two searches for such batches
MOST_BATCHES = 1000  # in the stream; older ones go first
STREAM_SECONDS = 3600  # an unused stream goes
GONE_SECONDS = 600.0  # from then on a reader without batches is forgotten
AWAY_SECONDS = 1.0  # the pause after an error of Redis
FIRST = b"0-0"  # the cursor of a new search

StreamEntry = tuple[bytes, dict[bytes, bytes]]


async def _room() -> None:
    """A scheduler reads nothing, so it has no limit."""


class BatchBroker(RedisStreamBroker):
    """Uses the store's connections, which follow a failover. `room` waits until this reader may take another batch."""

    def __init__(self, redis: Redis, stream: str, room: Callable[[], Awaitable[None]] = _room) -> None:
        super().__init__(
            "redis://",  # unused: see connection_pool
            queue_name=stream,
            consumer_group_name=GROUP,
            consumer_id="0",
            maxlen=MOST_BATCHES,
            xread_block=int(BLOCK_SECONDS * 1000),
            xread_count=1,
            idle_timeout=int(IDLE_SECONDS * 1000),
        )
        self.connection_pool = redis.connection_pool  # type: ignore[assignment]  # any pool will do
        self._redis = redis
        self._room = room
        self.stopped = asyncio.Event()
        """Ends `listen`. A cancellation alone may not: redis-py swallows one in fifty that meet a blocking command."""
        self._held: set[bytes] = set()
        """The messages that this reader works on."""
        self._cursor: bytes = FIRST
        self._searched_at = float("-inf")

    async def shutdown(self) -> None:
        """Leaves the connections to their owner."""

    async def startup(self) -> None:
        await super().startup()
        if self.is_worker_process:
            await self._forget_gone_readers()

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Yields new batches, and every few seconds those of dead readers."""
        while not self.stopped.is_set():
            await self._room()
            try:
                message = await self._claim() or await self._next()
            except (RedisError, OSError) as exc:
                await self._recover(exc)
                continue
            if message:
                message_id, fields = message
                self._held.add(message_id)
                yield AckableMessage(data=fields[b"data"], ack=self._acknowledge(message_id))

    async def keep(self) -> None:
        """Renews this reader's batches. Runs every `KEEP_SECONDS`.

        Raises:
            StoreAway: other readers may take the batches too, which does no harm.
        """
        if self._held:
            try:
                held: list[int | bytes | str | memoryview[int]] = list(self._held)
                await self._redis.xclaim(self.queue_name, GROUP, self.consumer_name, 0, held, justid=True)
            except (RedisError, OSError) as exc:
                raise StoreAway(f"the store does not answer: {type(exc).__name__}: {exc}") from exc

    async def leave(self) -> None:
        """Forgets this reader, so that none but living readers are listed. Does nothing while it holds a batch."""
        if not self._held:
            with suppress(RedisError, OSError):
                await self._redis.xgroup_delconsumer(self.queue_name, GROUP, self.consumer_name)

    async def _claim(self) -> StreamEntry | None:
        """Takes the next batch of a dead reader, if it is time to search for one."""
        now = asyncio.get_running_loop().time()
        if now - self._searched_at < CLAIM_SECONDS:
            return None
        cursor, found, *_ = await self._redis.xautoclaim(
            self.queue_name, GROUP, self.consumer_name, self.idle_timeout, start_id=self._cursor, count=1
        )
        self._cursor = cursor
        if not found and cursor == FIRST:
            self._searched_at = now
        for message_id, fields in found:
            if fields and message_id not in self._held:
                return message_id, fields
        return None

    async def _next(self) -> StreamEntry | None:
        fetched = await self._redis.xreadgroup(
            GROUP, self.consumer_name, {self.queue_name: ">"}, count=1, block=self.block
        )
        for _, messages in cast("list[tuple[bytes, list[StreamEntry]]]", fetched or []):
            for message in messages:
                return message
        return None

    def _acknowledge(self, message_id: bytes) -> Callable[[], Awaitable[None]]:
        """Also deletes the message: a finished batch is of no use."""

        async def acknowledge() -> None:
            self._held.discard(message_id)
            with suppress(RedisError, OSError):  # else another reader reads the batch again, which does no harm
                async with self._redis.pipeline(transaction=False) as pipe:
                    pipe.xack(self.queue_name, GROUP, message_id)
                    pipe.xdel(self.queue_name, message_id)
                    await pipe.execute()

        return acknowledge

    async def _recover(self, exc: Exception) -> None:
        """The stream goes if no scheduler uses it for long, and Redis may be away or emptied."""
        if not (isinstance(exc, ResponseError) and "NOGROUP" in str(exc)):
            emit(StoreUnreachable(component=Component.READER, problem=f"{type(exc).__name__}: {exc}"))
            await asyncio.sleep(AWAY_SECONDS)
        with suppress(RedisError, OSError):
            await self._declare_consumer_group()

    async def _forget_gone_readers(self) -> None:
        """A killed reader leaves its name in the group. Its batches were claimed by others long ago."""
        for consumer in await self._redis.xinfo_consumers(self.queue_name, GROUP):
            if not consumer["pending"] and consumer["idle"] > GONE_SECONDS * 1000:
                await self._redis.xgroup_delconsumer(self.queue_name, GROUP, consumer["name"])
