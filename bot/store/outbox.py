"""The Outbox over Redis: what is still owed to Slack. Whoever sends down a lane holds its lease."""

from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import uuid4

from bot.domain.card import Burst, PostedCard, SyncGroup
from bot.domain.delivery import Delivery, Lane, LaneKind
from bot.domain.grouping import Grouping, burst_id
from bot.domain.held_pages import PERIOD, PageLog
from bot.domain.watch import ChannelId
from bot.ports import Clock, Ending, Lease, PageEntry
from bot.store.cards import read_cards, read_group
from bot.store.codec import decode_delivery, encode_delivery
from bot.store.losses import MARK
from bot.store.scripts import Scripts, away, readable

LEASE_SECONDS = 15.0
PAGE, SUMMARY = "page", "summary"
GROUP_SECONDS = 30 * 24 * 3600
GROWS_FOR = timedelta(minutes=10)
"""A group takes in new failures until none came for so long."""


class RedisOutbox:
    """Implements `ports.Outbox`."""

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._keys = scripts.keys
        self._clock = clock

    async def lanes_with_work(self) -> tuple[Lane, ...]:
        return tuple(lane for lane, rests in await self._lanes() if not rests)

    async def suspended_lanes(self) -> tuple[Lane, ...]:
        return tuple(lane for lane, rests in await self._lanes() if rests)

    async def _lanes(self) -> list[tuple[Lane, bool]]:
        with away():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.smembers(self._keys["lanes"])
                pipe.hkeys(self._keys["parked"])
                names, suspended = await pipe.execute()
        with readable("lanes"):
            lanes = [Lane.of(name.decode()) for name in sorted(names)]
        return [(lane, lane.channel.encode() in suspended) for lane in lanes]

    async def lease(self, lane: Lane, held: Lease | None = None) -> Lease | None:
        expires = self._clock.monotonic() + LEASE_SECONDS  # counted from before the call: never longer than Redis's own
        token = held.token if held else uuid4().hex
        taken = await self._scripts.run("lease", [self._keys.lease(lane.name)], [token, int(LEASE_SECONDS * 1000)])
        since = held.since if held else self._clock.now()
        return Lease(name=lane.name, token=token, since=since, expires=expires) if taken else None

    async def release(self, lease: Lease) -> None:
        await self._scripts.run("release", [self._keys.lease(lease.name)], [lease.token])

    async def last_ts(self, lane: Lane) -> str:
        with away():
            ts = await cast("Awaitable[bytes | None]", self._redis.hget(self._keys["last_ts"], lane.name))
        return ts.decode() if ts else ""

    async def resumed_at(self, channel: ChannelId) -> datetime | None:
        with away():
            at = await cast("Awaitable[bytes | None]", self._redis.hget(self._keys["woken"], channel))
        return datetime.fromisoformat(at.decode()) if at else None

    async def page_log(self, channel: ChannelId, since: datetime) -> PageLog:
        with away():
            query = self._redis.zrangebyscore(
                self._keys.page_log(channel), f"({since.timestamp()}", "+inf", withscores=True
            )
            rows = await cast("Awaitable[list[tuple[bytes, float]]]", query)
        times = [(entry.decode().partition(" ")[0], datetime.fromtimestamp(score, UTC)) for entry, score in rows]
        return PageLog(
            pages=tuple(at for kind, at in times if kind == PAGE),
            summaries=tuple(at for kind, at in times if kind == SUMMARY),
        )

    async def deliveries(self, lane: Lane) -> tuple[Delivery, ...]:
        with away():
            ids = await cast("Awaitable[list[bytes]]", self._redis.zrange(self._keys.outbox(lane), 0, -1))
            if not ids:
                return ()
            rows = await cast("Awaitable[list[bytes | None]]", self._redis.hmget(self._keys["deliveries"], list(ids)))
        return tuple(decode_delivery(row) for row in rows if row is not None)

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]:
        return await read_cards(self._redis, self._keys, keys)

    async def group(self, key: str) -> tuple[PostedCard, ...]:
        return await read_group(self._redis, self._keys, key)

    async def in_burst(self, group_key: str) -> Burst:
        groups = await self._groups(burst_id(group_key))
        if group_key not in groups:
            return Burst()
        with away():
            async with self._redis.pipeline(transaction=False) as pipe:
                for each in groups:
                    pipe.scard(self._keys.group(each))
                sizes = await pipe.execute()
        return Burst(total=sum(sizes), first=groups[0] == group_key)

    async def growing(self, channel: ChannelId) -> tuple[str, ...]:
        with away():
            stored = await cast("Awaitable[bytes | None]", self._redis.get(self._keys.growing(channel)))
        burst, _, until = stored.decode().partition(" ") if stored else ("", "", "")
        return await self._groups(burst) if burst and self._clock.now() < datetime.fromisoformat(until) else ()

    async def _groups(self, burst: str) -> tuple[str, ...]:
        with away():
            keys = await cast("Awaitable[list[bytes]]", self._redis.zrange(self._keys.burst(burst), 0, -1))
        return tuple(key.decode() for key in keys)

    async def write(self, delivery: Delivery, lease: Lease) -> bool:
        args = [lease.token, delivery.id, encode_delivery(delivery)]
        return bool(await self._scripts.write("write_row", [self._keys.lease(lease.name)], args))

    async def settle(self, delivery: Delivery, lease: Lease, ending: Ending) -> bool:
        feed = Lane(LaneKind.FEED, delivery.channel)
        keys = [
            self._keys.lease(lease.name),
            self._keys.outbox(delivery.lane),
            self._keys.outbox(feed),
            self._keys.group(ending.group or ""),
            self._keys["last_ts"],
            self._keys.page_log(delivery.channel),
            *(self._keys.card(key) for key in ending.shown),
        ]
        again = ending.redraw
        follows = ending.follow_up
        args: list[str | int] = [
            lease.token,
            delivery.lane.name,
            feed.name,
            delivery.id,
            ending.kind.value,
            ending.ts,
            ending.group or "",
            again.id,
            encode_delivery(again),
            follows.id if follows else "",
            encode_delivery(follows) if follows else "",
            *_logged(delivery, ending.log),
            *(part for key, shown in ending.shown.items() for part in (key, shown, ending.came_at.get(key, 0))),
        ]
        return bool(await self._scripts.write("settle", keys, args))

    async def gather(self, gathering: Grouping, lane: Lane, lease: Lease) -> bool:
        row = gathering.row
        keys = [
            self._keys.lease(lease.name),
            self._keys.outbox(lane),
            self._keys.outbox(row.lane),
            self._keys.group(row.id),
            *(self._keys.card(key) for key in (*gathering.joins, *gathering.holds, *gathering.forgets)),
        ]
        args: list[str | int] = [
            lease.token,
            lane.name,
            row.lane.name,
            row.id,
            encode_delivery(row),
            "merge" if gathering.merges else "",
            GROUP_SECONDS,
            len(gathering.replaced),
            len(gathering.joins),
            len(gathering.holds),
            *(each.id for each in gathering.replaced),
            *gathering.joins,
            *gathering.holds.values(),
            *(part for each in gathering.beside for part in (each.id, encode_delivery(each))),
        ]
        gathered = bool(await self._scripts.write("gather", keys, args))
        if gathered and isinstance(row.body, SyncGroup) and not row.body.grown:
            await self._grew(row.id, row.channel)
        return gathered

    async def _grew(self, group_key: str, channel: ChannelId) -> None:
        """Only what a heading counts hangs on it, so it need not be written in one step with the rest."""
        burst = burst_id(group_key)
        until = (self._clock.now() + GROWS_FOR).isoformat()
        with away():
            place = await self._redis.zcard(self._keys.burst(burst))
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zadd(self._keys.burst(burst), {group_key: place}, nx=True)
                pipe.expire(self._keys.burst(burst), GROUP_SECONDS)
                pipe.set(self._keys.growing(channel), f"{burst} {until}", ex=GROWS_FOR)
                await pipe.execute()

    async def enqueue(self, deliveries: Sequence[Delivery], redrawn: Sequence[str] = ()) -> None:
        await self._scripts.tell(deliveries, redrawn)

    async def holds(self) -> Mapping[str, tuple[datetime, datetime]]:
        with away():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["holds"]))
        spans = {name.decode(): span.decode().split() for name, span in rows.items() if name != MARK}
        return {
            name: (datetime.fromisoformat(since), datetime.fromisoformat(until))
            for name, (since, until) in spans.items()
        }

    async def hold(self, method: str, since: datetime, until: datetime) -> None:
        with away():
            await self._redis.hset(self._keys["holds"], method, f"{since.isoformat()} {until.isoformat()}")


def _logged(delivery: Delivery, entry: PageEntry | None) -> tuple[str, str, str]:
    """One entry for each message, its time, and up to when older ones are dropped."""
    if entry is None:
        return "", "", ""
    kind = SUMMARY if entry.of_summary else PAGE
    return f"{kind} {delivery.id}", f"{entry.at.timestamp()}", f"{(entry.at - PERIOD).timestamp()}"
