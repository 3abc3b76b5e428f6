"""Channels that got a new id from Slack, in Redis."""

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import cast

from bot.domain.alias import Alias, Aliases, IdChange
from bot.domain.watch import ChannelId, SuspendReason
from bot.ports.store_errors import StoreAway
from bot.store.change_log import KEPT
from bot.store.codec import WATCH
from bot.store.scripts import translating_redis_errors
from bot.store.watches import RedisWatches

MAX_TRIES = 5  # a try fails if someone changes watches in between


class RedisAliases(RedisWatches):
    """Implements `AliasStore`."""

    async def aliases(self) -> Aliases:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["aliases"]))
        readable = self._scripts.readable("aliases", rows.items(), lambda _, row: decode_alias(row))
        return Aliases({ChannelId(channel.decode()): alias for channel, alias in readable.items()})

    async def change_ids(self, changes: Sequence[IdChange]) -> bool:
        for _ in range(MAX_TRIES):
            watches = await self.watches()
            before = await self.aliases()
            aliases = before.with_changes(changes)
            changed_aliases = {
                channel: alias for channel, alias in aliases.by_id.items() if before.by_id.get(channel) != alias
            }
            moving = [watch for watch in watches.all if aliases.stable(watch.channel) != watch.channel]
            if not changed_aliases and not moving:
                return False
            known_again = {alias.stable for alias in changed_aliases.values()}
            unknown = [channel for channel, reason in watches.suspended.items() if reason is SuspendReason.NOT_FOUND]
            resumed = [channel for channel in unknown if aliases.stable(channel) in known_again]
            keys = [self._keys[name] for name in ("aliases", "watches", "watches_version", "suspended", "resumed")]
            keys.append(self._keys["watch_changes"])
            args: list[str | int] = [
                watches.version,
                self._clock.now().isoformat(),
                KEPT,
                len(changed_aliases),
                len(resumed),
            ]
            args += [part for channel, alias in changed_aliases.items() for part in (channel, encode_alias(alias))]
            args += resumed
            for watch in moving:
                moved = replace(watch, channel=aliases.stable(watch.channel))
                args += [watch.id, watch.channel, moved.id, moved.channel, WATCH.encode(moved)]
            if await self._scripts.write("alias", [*keys, *map(self._keys.suspend_notice, resumed)], args):
                return bool(changed_aliases)
        raise StoreAway("the watches change faster than a new channel id can be recorded")


def encode_alias(alias: Alias) -> str:
    """The stable id, a space, and Slack's stamp."""
    return f"{alias.stable} {alias.since}"


def decode_alias(row: bytes) -> Alias:
    stable, _, since = row.decode().partition(" ")
    return Alias(ChannelId(stable), since)
