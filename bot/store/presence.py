"""The announced roles of a workspace's processes, in Redis: one hash, without the fence of the workspace's data."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime

from bot.domain.presence import WITHOUT, Announced, ReadingSource
from bot.ports.clock import Clock
from bot.store.scripts import Scripts, translating_redis_errors

_SOURCE = "reads"


class RedisPresence:
    """Implements `Presence`."""

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        self._redis = scripts.redis
        self._key = scripts.keys["alive"]
        self._clock = clock

    async def announce(self, roles: Collection[str], source: ReadingSource | None = None) -> Announced:
        now = self._clock.now().isoformat()
        fields = dict.fromkeys(roles, now)
        if source:
            fields[_SOURCE] = json.dumps([now, source.url, source.fingerprint, source.shared])
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                if fields:
                    pipe.hset(self._key, items=[part for field in fields.items() for part in field])
                pipe.hgetall(self._key)
                *_, stored = await pipe.execute()
        return _announced({name.decode(): text.decode() for name, text in stored.items()})


def _announced(stored: Mapping[str, str]) -> Announced:
    """Leaves out unreadable fields: the next announcement replaces them."""
    seen = {role: at for role in WITHOUT if (at := _time(stored.get(role, "")))}
    try:
        at, url, fingerprint, shared = json.loads(stored.get(_SOURCE, ""))
        source = ReadingSource(url=str(url), fingerprint=str(fingerprint), shared=shared is True)
        return Announced(seen=seen, source=source, source_at=_time(str(at)))
    except (ValueError, TypeError):
        return Announced(seen=seen)


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
