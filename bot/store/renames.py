"""Channels that got a new id from Slack, in Redis."""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import cast

from bot.domain.delivery import Lane, LaneKind, in_slack
from bot.domain.watch import ChannelId
from bot.ports.store_errors import StoreAway
from bot.store.scripts import away
from bot.store.watches import RedisWatches


class RedisRenames(RedisWatches):
    async def keep_rename(self, old: ChannelId, new: ChannelId, event_stamp: str) -> None:
        keys = [self._keys[name] for name in ("renames", "open_renames", "renamed_at")]
        await self._scripts.run("keep_rename", keys, [old, new, event_stamp])

    async def renames(self) -> Mapping[ChannelId, ChannelId]:
        with away():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.smembers(self._keys["open_renames"])
                pipe.hgetall(self._keys["renames"])
                open_renames, newest = await pipe.execute()
        return {
            ChannelId(old.decode()): ChannelId(newest[old].decode()) for old in sorted(open_renames) if old in newest
        }

    async def newest_id(self, channel: ChannelId) -> ChannelId:
        with away():
            newest = await cast("Awaitable[bytes | None]", self._redis.hget(self._keys["renames"], channel))
        return ChannelId(newest.decode()) if newest else channel

    async def rename_channel(self, old: ChannelId, new: ChannelId) -> int:
        watches = await self.watches()
        moving = watches.of(old)
        lanes = [(Lane(kind, in_slack(self.team, old)), Lane(kind, in_slack(self.team, new))) for kind in LaneKind]
        names = ("watches", "watches_version", "suspended", "resumed", "last_ts", "records", "versions")
        keys = [self._keys[name] for name in names]
        for lane, new_lane in lanes:
            keys += [self._keys.lease(lane.name), self._keys.outbox(lane), self._keys.outbox(new_lane)]
        keys += [
            self._keys.suspend_notice(old),
            self._keys.suspend_notice(new),
            self._keys["renames"],
            self._keys["open_renames"],
        ]
        args: list[str | int] = [
            old,
            new,
            self._clock.now().isoformat(),
            watches.version,
            *(lane.name for pair in lanes for lane in pair),
            *(part for watch in moving for part in (watch.id, replace(watch, channel=new).id)),
        ]
        if not await self._scripts.write("rename", keys, args):
            raise StoreAway(f"{old} is being written to just now")
        return len(moving)
