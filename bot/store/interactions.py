"""Commands and clicks until the bot has acted on them, in Redis."""

import hashlib
from collections.abc import Awaitable
from typing import cast
from uuid import uuid4

from bot.ports.interaction_store import Interaction
from bot.store.codec import INTERACTION
from bot.store.losses import MARK
from bot.store.port import RedisPort
from bot.store.scripts import away

INTERACTION_SECONDS = 25 * 3600  # Slack may deliver again a day later


class RedisInteractions(RedisPort):
    async def first_time(self, gesture: Interaction) -> bool:
        mark = self._keys.gesture(hashlib.sha256(gesture.id.encode()).hexdigest()[:32])
        row = INTERACTION.encode(gesture)
        keys = [mark, self._keys["gestures"]]
        return bool(await self._scripts.run("gesture", keys, [uuid4().hex, INTERACTION_SECONDS, gesture.id, row]))

    async def finished(self, gesture: Interaction) -> None:
        with away():
            await self._redis.hdel(self._keys["gestures"], gesture.id)

    async def unfinished(self) -> tuple[Interaction, ...]:
        with away():
            rows = await cast("Awaitable[list[bytes]]", self._redis.hvals(self._keys["gestures"]))
        return tuple(
            sorted(
                (INTERACTION.decode(row) for row in rows if row != MARK),
                key=lambda gesture: (gesture.at, gesture.id),
            )
        )
