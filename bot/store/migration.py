"""Renames and replaces the keys of an older version. The leader does it once, before it reads anything.

Every step can run again: after a crash, the next start does the rest. The migration writes `schema` last. A bot of the
older version must stop first: the migration waits until that bot's leader lease has expired.
"""

from collections.abc import AsyncIterator, Awaitable, Container, Mapping
from contextlib import suppress
from typing import cast

from bot.domain.alias import Aliases, IdChange
from bot.domain.catalogue import Pipeline
from bot.domain.watch import ChannelId
from bot.ports.clock import Clock
from bot.ports.lease_store import READER, Lease
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.store import Migrated, MigrationWaits
from bot.store.aliases import encode_alias
from bot.store.catalogue import RedisCatalogue
from bot.store.codec import decode_catalogue
from bot.store.keys import SCHEMA
from bot.store.leases import RedisLeases
from bot.store.scripts import Scripts, decoding, translating_redis_errors

BATCH = 200
LEADER_SECONDS = 30.0  # longer than a lease: an older bot that still leads was not stopped
RETRY_SECONDS = 1.0
REPORT_SECONDS = 15.0  # between two lines in the log about the wait

RENAMED: Mapping[str, tuple[str, str]] = {
    "parked": ("suspended", "hash"),
    "woken": ("resumed", "hash"),
    "pulse": ("heartbeat", "hash"),
    "gestures": ("interactions", "hash"),
    "moved": ("renames", "hash"),
    "moving": ("open_renames", "set"),
    "moved_at": ("renamed_at", "hash"),
}
"""The new name of each key, and its type. `aliases` replaces the last three."""
FAMILIES = (
    ("group", "burst", "zset"),  # before storm becomes group
    ("storm", "group", "set"),
    ("told", "suspend_notice", "string"),
    ("paged", "page_log", "zset"),
    ("gesture", "interaction", "string"),
)
"""First word of the old name, of the new name, and the type. The type distinguishes an old `group` from a new one."""
BARRIER, BARRIER_TEXT = "parked", "A newer version of the bot uses this data. Do not start an older one."
"""A bot of the older version first reads this key as a hash. A text in it stops that bot."""


def aliases_of(newest_ids: Mapping[str, str], open_ids: Container[str], stamps: Mapping[str, str]) -> Aliases:
    """The aliases that continue the id changes of version 1, each given by its old id.

    Version 1 moved a channel's rows to the newest id. As long as it had not done so, the old id was open. Now rows stay
    under the id that they have: the newest one, or the old one if it is open.
    """
    done, moving = Aliases(), []
    for old, new in newest_ids.items():
        change = IdChange(ChannelId(old), ChannelId(new), stamps.get(old, ""))
        if old in open_ids:
            moving.append(change)
        else:  # first the reverse change, so that the newest id becomes the stable one
            done = done.with_changes([IdChange(change.new, change.old, ""), change])
    return done.with_changes(moving)


async def migrate(scripts: Scripts, clock: Clock) -> None:
    """Returns after this bot or another has renamed the keys.

    Raises:
        StoreAway: Redis does not answer, or a bot of an older version still leads.
        StoreNewer: a newer version of the bot has migrated this data.
    """
    leases, until = RedisLeases(scripts, clock), clock.monotonic() + LEADER_SECONDS
    reported_at = float("-inf")
    while await schema_of(scripts) < SCHEMA:
        if lease := await leases.acquire_lease(READER):
            await _Migration(scripts, leases, lease, RedisCatalogue(scripts, clock)).run()
            await leases.release_lease(lease)
        elif clock.monotonic() > until:
            raise StoreAway("a bot of an older version still runs: stop it, then start this one")
        else:
            if clock.monotonic() - reported_at >= REPORT_SECONDS:
                reported_at = clock.monotonic()
                emit(MigrationWaits(seconds=round(until - reported_at)))
            await clock.sleep(RETRY_SECONDS)


async def schema_of(scripts: Scripts) -> int:
    """The version of the key names in Redis; 0 before the first migration.

    Raises:
        StoreNewer: update this bot.
    """
    with translating_redis_errors():
        stored = await scripts.redis.get(scripts.keys["schema"])
    with decoding("schema"):
        number = int(stored or 0)
    scripts.refuse_newer(number)
    return number


class _Migration:
    """One attempt, while the lease lasts."""

    def __init__(self, scripts: Scripts, leases: RedisLeases, lease: Lease, catalogue: RedisCatalogue) -> None:
        self._redis = scripts.redis
        self._keys = scripts.keys
        self._leases = leases
        self._catalogue = catalogue
        self._lease = lease
        self._rename = scripts.script("migrate_keys")
        self._cards = scripts.script("migrate_cards")
        self._aliases = scripts.script("migrate_aliases")
        self._finish = scripts.script("migrate_done")

    async def run(self) -> None:
        changed = await self._renamed([(old, new, kind) for old, (new, kind) in RENAMED.items()])
        for old, new, kind in FAMILIES:
            async for names in self._scanned(f"{old}:*"):
                changed += await self._renamed([(name, new + name.removeprefix(old), kind) for name in names])
        for family in ("card", "group", "burst"):
            async for names in self._scanned(f"{family}:*"):
                changed += await self._as_texts(names)
        await self._replace_renames()
        await self._split_catalogue()
        await self._rename_present()
        with translating_redis_errors():
            keys = [self._lease_key, self._keys["schema"], self._keys[BARRIER]]
            await self._finish(keys=keys, args=[self._token, SCHEMA, BARRIER_TEXT])
        if changed:  # none in an empty store
            emit(Migrated(schema=SCHEMA, keys=changed))

    async def _renamed(self, names: list[tuple[str, str, str]]) -> int:
        await self._extend_lease()
        keys = [self._keys[key] for old, new, _ in names for key in (old, new)]
        with translating_redis_errors():
            return int(
                await self._rename(keys=[self._lease_key, *keys], args=[self._token, *(kind for _, _, kind in names)])
            )

    async def _as_texts(self, names: list[str]) -> int:
        await self._extend_lease()
        pairs = [(self._keys[name], self._keys.posted(name.partition(":")[2])) for name in names]
        with translating_redis_errors():
            return int(
                await self._cards(keys=[self._lease_key, *(key for pair in pairs for key in pair)], args=[self._token])
            )

    async def _replace_renames(self) -> None:
        await self._extend_lease()
        keys = [self._keys[name] for name in ("renames", "open_renames", "renamed_at", "aliases", "watches_version")]
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hgetall(keys[0])
                pipe.smembers(keys[1])
                pipe.hgetall(keys[2])
                newest_ids, open_ids, stamps = await pipe.execute()
            aliases = aliases_of(
                {old.decode(): new.decode() for old, new in newest_ids.items()},
                {old.decode() for old in open_ids},
                {old.decode(): stamp.decode() for old, stamp in stamps.items()},
            )
            rows = [part for channel, alias in aliases.by_id.items() for part in (channel, encode_alias(alias))]
            await self._aliases(keys=[self._lease_key, *keys], args=[self._token, *rows])

    async def _split_catalogue(self) -> None:
        """One row for each pipeline. The next listing replaces an unreadable catalogue."""
        await self._extend_lease()
        with translating_redis_errors():
            raw = await self._redis.get(self._keys["catalogue"])
        pipelines: tuple[Pipeline, ...] = ()
        with suppress(ValueError):
            pipelines = decode_catalogue(raw) if isinstance(raw, bytes) else ()
        await self._catalogue.save_pipelines(pipelines)
        with translating_redis_errors():
            await self._redis.delete(self._keys["catalogue"])

    async def _rename_present(self) -> None:
        """Renames the keys in the last heartbeat's list, so that the bot still notices a lost one."""
        with translating_redis_errors():
            stored = await cast("Awaitable[bytes | None]", self._redis.hget(self._keys["heartbeat"], "present"))
            if stored:
                present = " ".join(RENAMED.get(name, (name, ""))[0] for name in stored.decode().split())
                await self._redis.hset(self._keys["heartbeat"], "present", f" {present} ")

    async def _scanned(self, pattern: str) -> AsyncIterator[list[str]]:
        cursor, prefix = 0, self._keys[""]
        while True:
            with translating_redis_errors():
                cursor, found = await self._redis.scan(cursor, match=self._keys[pattern], count=BATCH)
            names = [name.decode().removeprefix(prefix) for name in cast("list[bytes]", found)]
            for first in range(0, len(names), BATCH):
                yield names[first : first + BATCH]
            if cursor == 0:
                return

    async def _extend_lease(self) -> None:
        """Runs before each step, so that only one bot migrates.

        Raises:
            StoreAway: another bot leads now; it migrates the rest.
        """
        lease = await self._leases.acquire_lease(READER, self._lease)
        if lease is None:
            raise StoreAway("another bot took the lead during the migration")
        self._lease = lease

    @property
    def _token(self) -> str:
        return self._lease.token

    @property
    def _lease_key(self) -> str:
        return self._keys.lease(READER)
