"""Commands and clicks until the bot has acted on them, in Redis."""

import hashlib
from collections.abc import Awaitable
from typing import cast
from uuid import uuid4

from bot.ports.interaction_store import Interaction
from bot.store.codec import decode_interaction, encode_interaction
from bot.store.port import RedisPort
from bot.store.scripts import translating_redis_errors

INTERACTION_SECONDS = 25 * 3600  # Slack may repeat an interaction a day later


class RedisInteractions(RedisPort):
    """Implements `InteractionStore`."""

    async def add_interaction(self, interaction: Interaction) -> bool:
        mark = self._keys.interaction(hashlib.sha256(interaction.id.encode()).hexdigest()[:32])
        row = encode_interaction(interaction)
        keys = [mark, self._keys["interactions"]]
        return bool(
            await self._scripts.run("interaction", keys, [uuid4().hex, INTERACTION_SECONDS, interaction.id, row])
        )

    async def finish_interaction(self, interaction: Interaction) -> None:
        with translating_redis_errors():
            await self._redis.hdel(self._keys["interactions"], interaction.id)

    async def unfinished_interactions(self) -> tuple[Interaction, ...]:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["interactions"]))
        stored = self._scripts.readable("interactions", rows.items(), lambda _, row: decode_interaction(row, self.team))
        return tuple(sorted(stored.values(), key=lambda interaction: (interaction.at, interaction.id)))
