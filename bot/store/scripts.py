"""Runs the Lua scripts: each is one atomic step. Scripts that write run behind a fence, which notices lost writes.

The fence (fence.lua) puts its own keys before the script's: `FENCE_KEYS`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import cast
from uuid import uuid4

import redis.asyncio
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from bot.domain.delivery import Message
from bot.domain.watch import TeamId
from bot.ports.store_errors import LeadershipLost, StoreAway, StoreNewer, StoreRolledBack
from bot.store.codec import encode_message
from bot.store.keys import SCHEMA, Keys
from bot.store.readable import FieldT, ReadableRows, T
from bot.store.refusals import temporary_refusal
from bot.store.versions import NewerRowError

FENCE_KEYS = ("deliveries", "lanes", "sequence")
_FENCED = (
    "heartbeat",
    "change_note",
    "change_setup",
    "change_pagers",
    "change_watches",
    "commit",
    "doubt",
    "enqueue",
    "regroup",
    "hello",
    "suspend",
    "alias",
    "settle",
    "resume",
    "write_row",
    "add_and_enqueue",
    "remove_and_enqueue",
)
_PLAIN = ("interaction", "lease", "release", "save_pipelines", "replace_rows")


NEWER = -2  # the answer of the fence
LEASE_LOST = -3  # the answer of commit.lua, save_pipelines.lua and replace_rows.lua
_UPDATE = "Update this bot to at least that version."


@contextmanager
def translating_redis_errors() -> Iterator[None]:
    """Raises `StoreAway` in place of every error of Redis or of its connection, inside the block."""
    try:
        yield
    except (RedisError, OSError) as exc:
        if refusal := temporary_refusal(str(exc)):
            raise StoreAway(refusal.text) from exc
        # The text of a Redis error may hold a host, never the password: redis-py leaves it out.
        raise StoreAway(f"the store does not answer: {type(exc).__name__}: {exc}") from exc


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turns an unreadable row into an error for people. The text does not quote the row.

    Raises:
        StoreNewer: a newer version of the bot wrote the row.
        StoreAway: the row is damaged.
    """
    try:
        yield
    except NewerRowError as exc:
        raise StoreNewer(f"A newer version of the bot wrote the key {name} in Redis. {_UPDATE}") from exc
    except ValueError as exc:
        raise StoreAway(f"the key {name} in Redis holds a row that this bot can't read") from exc


class Scripts:
    """The connection of one process to one workspace's data.

    Each process counts its writes, here and in Redis, and knows which server it wrote to. Redis may have lost data if
    it knows fewer writes, or if another server answers. Then every script refuses to write until the bot has recovered
    and called `greet` again. After a lost reply Redis knows more writes than this process, which is harmless.
    """

    def __init__(self, client: redis.asyncio.Redis, team: TeamId) -> None:
        self.redis = client
        self.team = team
        self.keys = Keys(team)
        self._writes = self.keys[f"writes:{uuid4().hex}"]
        self._written = 0
        self._greetings = 0
        self._readable = ReadableRows()
        self._server = ""
        life = _source("life")
        shared = "".join(map(_source, ("fence", "posted", "audit", "receipt")))
        self._scripts = {name: client.register_script(life + shared + _source(name)) for name in _FENCED}
        self._scripts |= {name: client.register_script(_source(name)) for name in _PLAIN}
        self._greeting = client.register_script(life + _source("greet"))

    def readable(
        self, name: str, rows: Iterable[tuple[FieldT, bytes | None]], decode: Callable[[FieldT, bytes], T]
    ) -> dict[FieldT, T]:
        """The rows of the hash `name`, without damaged ones, which are logged.

        Raises:
            StoreNewer: a newer version of the bot wrote a row.
        """
        with decoding(name):
            return self._readable.of(name, rows, decode)

    def script(self, name: str) -> AsyncScript:
        """A script outside the fence."""
        return self.redis.register_script(_source(name))

    async def run(self, script: str, keys: Sequence[str], args: Sequence[str | int | bytes]) -> int:
        """Runs a script that needs no fence.

        Raises:
            StoreAway: Redis does not answer.
        """
        with translating_redis_errors():
            return int(cast("bytes", await self._scripts[script](keys=list(keys), args=list(args))))

    async def write(self, script: str, keys: Sequence[str], args: Sequence[str | int]) -> int:
        """Runs a script that writes, and returns its answer. 0: it refused. `keys` come after `FENCE_KEYS`.

        Raises:
            StoreAway: Redis does not answer. The write may have happened; a second try does no harm.
            StoreRolledBack: Redis lost a confirmed write; nothing was done.
            StoreNewer: a newer version of the bot has renamed the keys; nothing was done.
            LeadershipLost: the script is for the leader alone, whose lease is lost; nothing was done.
        """
        fence_keys = [self.keys[name] for name in FENCE_KEYS]
        greetings = self._greetings
        answer = await self.run(
            script,
            [*fence_keys, *keys, self._writes, self.keys["schema"]],
            [*args, self._server, self._written, SCHEMA],
        )
        if answer == NEWER:
            self.refuse_newer(SCHEMA + 1)
        if answer == LEASE_LOST:
            raise LeadershipLost("this bot's lease as the leader is lost, so it wrote nothing")
        if answer < 0:
            raise StoreRolledBack("Redis lost a confirmed write")
        if answer > 0 and greetings == self._greetings:  # else `greet` may have counted this write already
            self._written += 1
        return answer

    def enqueue_arguments(self, messages: Sequence[Message]) -> tuple[list[str], list[str]]:
        """What a script needs to enqueue messages: the key of each one's outbox; then lane, id and row of each."""
        outboxes = [self.keys.outbox(message.lane) for message in messages]
        return outboxes, [
            part for message in messages for part in (message.lane.name, message.id, encode_message(message))
        ]

    async def enqueue(self, messages: Sequence[Message], redrawn: Sequence[str] = ()) -> None:
        outboxes, rows = self.enqueue_arguments(messages)
        cards = [self.keys.posted(key) for key in redrawn]
        await self.write("enqueue", [*outboxes, *cards], [len(messages), *rows])

    async def greet(self) -> None:
        """Introduces this process: at the first contact, and when the bot accepts the data in Redis as it is."""
        with translating_redis_errors():
            server, written = await self._greeting(keys=[self._writes])
        self._greetings += 1
        self._server, self._written = cast("bytes", server).decode(), int(written)

    @staticmethod
    def refuse_newer(schema: int) -> None:
        """
        Raises:
            StoreNewer: the keys have names that this version does not know.
        """
        if schema > SCHEMA:
            raise StoreNewer(f"A newer version of the bot has renamed the keys in Redis. {_UPDATE}")

    @property
    def is_new(self) -> bool:
        """True before the first contact."""
        return self._written == 0


def _source(name: str) -> str:
    return files("bot.store").joinpath(f"{name}.lua").read_text()
