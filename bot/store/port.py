"""The base of every port over Redis."""

from bot.domain.watch import TeamId
from bot.ports.clock import Clock
from bot.store.scripts import Scripts


class RedisPort:
    """One workspace's data. Every change of more than one key is one Lua script, so it happens wholly or not at all."""

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._keys = scripts.keys
        self._clock = clock

    @property
    def team(self) -> TeamId:
        return self._scripts.team
