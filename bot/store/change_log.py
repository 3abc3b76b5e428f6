"""A log of what changed in one hash, so that every process reads the changed rows alone.

The Lua scripts append to it in the step that changes the rows. Redis keeps the last `KEPT` entries: a process that
missed more, or whose position Redis no longer has, reads all rows again. Losing the log costs nothing else.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

KEPT = 1000
MOST_READ = KEPT // 2  # a longer answer may begin behind a gap
ENTRIES_READ = MOST_READ + 2  # the known one, and one too many
START = "0-0"
UNKNOWN = ""

Entries = list[tuple[bytes, dict[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class LoggedChanges:
    """`changed`: the latest value of each changed field; None if the log does not reach back to the position."""

    position: str
    changed: dict[str, bytes] | None


class ChangeLog:
    """A Redis stream. A position is the id of the last entry that a process has seen.

    Ids contain the time, so a position from before a rollback is not mistaken for one after it.
    """

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    async def since(self, position: str) -> LoggedChanges:
        """The changes after a position. `UNKNOWN` asks for the end of the log alone.

        Raises:
            RedisError: Redis does not answer.
        """
        if position != UNKNOWN:
            logged = changes_after(position, await self._read(self._redis.xrange, position, "+", ENTRIES_READ))
            if logged.changed is not None:
                return logged
        return await self._end()

    async def _end(self) -> LoggedChanges:
        last = await self._read(self._redis.xrevrange, "+", "-", 1)
        return LoggedChanges(last[0][0].decode() if last else START, None)

    async def _read(self, read: Callable[..., object], first: str, last: str, count: int) -> Entries:
        return cast("Entries", await cast("Awaitable[object]", read(self._key, first, last, count=count)))


def changes_after(position: str, entries: Entries) -> LoggedChanges:
    """`entries`: the first `ENTRIES_READ` of the log from the position on."""
    if position == START:
        return _changes(position, entries) if len(entries) <= MOST_READ else LoggedChanges(UNKNOWN, None)
    known = bool(entries) and entries[0][0].decode() == position
    return _changes(position, entries[1:]) if known and len(entries) <= MOST_READ + 1 else LoggedChanges(UNKNOWN, None)


def _changes(position: str, entries: Entries) -> LoggedChanges:
    changed = {field.decode(): value for _, fields in entries for field, value in fields.items()}
    return LoggedChanges(entries[-1][0].decode() if entries else position, changed)
