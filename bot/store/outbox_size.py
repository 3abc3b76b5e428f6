"""Counts the messages in the outbox, in Redis."""

import json
from collections.abc import Awaitable
from datetime import datetime
from typing import cast

from bot.domain.delivery import Lane
from bot.ports.figures import OutboxFigures
from bot.store.lanes import RedisLanes
from bot.store.scripts import translating_redis_errors


class RedisOutboxSize(RedisLanes):
    """The size of the outbox, for the metrics."""

    async def outbox_figures(self) -> OutboxFigures:
        """Costs two round trips. The first message of each lane stands for the lane's oldest.

        Raises:
            StoreAway: Redis does not answer.
        """
        lanes = await self._lanes()
        due = [lane for lane, is_suspended in lanes if not is_suspended]
        suspended = [lane for lane, is_suspended in lanes if is_suspended]
        counts, firsts = await self._sizes([*due, *suspended])
        rows = await self._rows(firsts[: len(due)])
        now = self._clock.now()
        since = self._scripts.readable("deliveries", enumerate(rows), lambda _, row: _due_since(row)).values()
        ages = [(now - moment).total_seconds() for moment in since]
        return OutboxFigures(
            due=sum(counts[: len(due)]),
            suspended=sum(counts[len(due) :]),
            oldest_seconds=max(0.0, max(ages, default=0.0)),
        )

    async def _sizes(self, lanes: list[Lane]) -> tuple[list[int], list[list[bytes]]]:
        if not lanes:
            return [], []
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for lane in lanes:
                    pipe.zcard(self._keys.outbox(lane))
                    pipe.zrange(self._keys.outbox(lane), 0, 0)
                answers = await pipe.execute()
        return answers[::2], answers[1::2]

    async def _rows(self, firsts: list[list[bytes]]) -> list[bytes]:
        ids = [first for some in firsts for first in some]
        if not ids:
            return []
        with translating_redis_errors():
            rows = await cast("Awaitable[list[bytes | None]]", self._redis.hmget(self._keys["deliveries"], list(ids)))
        return [row for row in rows if row is not None]


def _due_since(raw: bytes) -> datetime:
    """When the bot should have sent this message. Reads only two fields, so it decodes no body."""
    row = json.loads(raw)
    message = row.get("message") if isinstance(row, dict) else None
    if not isinstance(message, dict):
        raise ValueError("no message")  # noqa: TRY004 (a damaged row)
    return max(datetime.fromisoformat(message[name]) for name in ("made_at", "not_before") if message.get(name))
