"""The latest usage of the account, in Redis: one text, written outside the fence of the workspace's data."""

from bot.domain.credits import CreditsState
from bot.store import versions
from bot.store.codec import Codec
from bot.store.port import RedisPort
from bot.store.readable import UNREADABLE
from bot.store.scripts import translating_redis_errors

_STATE = Codec(CreditsState, versions.unchanged)


class RedisCredits(RedisPort):
    """Implements `CreditsStore`."""

    async def credits(self) -> CreditsState:
        with translating_redis_errors():
            row = await self._redis.get(self._keys["credits"])
        try:
            return _STATE.decode(row) if row is not None else CreditsState()
        except UNREADABLE:
            return CreditsState()

    async def save_credits(self, state: CreditsState) -> None:
        with translating_redis_errors():
            await self._redis.set(self._keys["credits"], _STATE.encode(state))
