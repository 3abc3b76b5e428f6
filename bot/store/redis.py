"""The Store and the Outbox over Redis. Every change of more than one key is one Lua script."""

import hashlib
import json
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from typing import cast
from uuid import uuid4

import redis.asyncio
from redis.exceptions import RedisError

from bot.domain.card import PostedCard
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery, Priority
from bot.domain.observation import PipelineId
from bot.domain.plan import Plan, Record
from bot.domain.storm import Gathering
from bot.domain.watch import ChannelId, ParkReason, TeamId, Watch
from bot.ports import Clock, Lease, StoreAway, Watches
from bot.store.codec import CARD, CATALOGUE, RECORD, WATCH, decode_delivery, encode_delivery
from bot.store.keys import Keys

LEASE_SECONDS = 30.0
GESTURE_SECONDS = 25 * 3600  # Slack may deliver again a day later
CARD_SECONDS = 30 * 24 * 3600
_SCRIPTS = ("commit", "watches", "lease", "release", "write_row", "settle", "gather", "park")


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as exc:
        # The text of a Redis error may hold a host, never the password: redis-py leaves it out.
        raise StoreAway(f"the store does not answer: {type(exc).__name__}: {exc}") from exc


class RedisStore:
    """Implements `ports.Store` and `ports.Outbox` for one workspace."""

    def __init__(self, client: redis.asyncio.Redis, team: TeamId, clock: Clock) -> None:
        self.team = team
        self._redis = client
        self._clock = clock
        self._keys = Keys(team)
        self._scripts = {
            name: client.register_script(files("bot.store").joinpath(f"{name}.lua").read_text()) for name in _SCRIPTS
        }

    async def _run(self, script: str, keys: Sequence[str], args: Sequence[str | int]) -> int:
        with _away():
            return int(cast("bytes", await self._scripts[script](keys=list(keys), args=list(args))))

    # --- watches ---------------------------------------------------------------------------------------------------

    async def watches(self) -> Watches:
        with _away():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.get(self._keys["watches_version"])
                pipe.hvals(self._keys["watches"])
                version, rows = await pipe.execute()
        those = (WATCH.validate_json(row) for row in rows)
        return Watches(int(version or 0), tuple(sorted(those, key=lambda watch: (watch.made_at, watch.id))))

    async def watches_version(self) -> int:
        with _away():
            return int(await self._redis.get(self._keys["watches_version"]) or 0)

    async def add_watches(self, watches: Sequence[Watch], announcement: Delivery) -> int:
        rows = {watch.id: WATCH.dump_json(watch).decode() for watch in watches}
        return await self._change_watches("add", rows, announcement)

    async def remove_watches(self, watch_ids: Sequence[str], announcement: Delivery) -> int:
        return await self._change_watches("remove", dict.fromkeys(watch_ids, ""), announcement)

    async def _change_watches(self, how: str, rows: Mapping[str, str], announcement: Delivery) -> int:
        names = ("watches", "watches_version", "deliveries", "channels", "sequence", "writes", "parked")
        keys = [*(self._keys[name] for name in names), self._keys.outbox(announcement.channel)]
        told = [announcement.id, encode_delivery(announcement), announcement.channel]
        return await self._run("watches", keys, [how, *told, *(part for row in rows.items() for part in row)])

    # --- pipelines -------------------------------------------------------------------------------------------------

    async def next_epoch(self) -> int:
        with _away():
            return int(await self._redis.incr(self._keys["epoch"]))

    async def records(self) -> Mapping[PipelineId, Record]:
        with _away():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hgetall(self._keys["records"])
                pipe.hgetall(self._keys["versions"])
                rows, versions = await pipe.execute()
        return {
            PipelineId(key.decode()): replace(RECORD.validate_json(row), version=int(versions[key]))
            for key, row in rows.items()
        }

    async def record(self, pipeline_id: PipelineId) -> Record:
        with _away():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hget(self._keys["records"], pipeline_id)
                pipe.hget(self._keys["versions"], pipeline_id)
                row, version = await pipe.execute()
        if row is None:
            return Record(pipeline_id=pipeline_id)
        return replace(RECORD.validate_json(row), version=int(version or 0))

    async def commit(self, plan: Plan, watches_version: int) -> bool:
        names = ("records", "versions", "watches_version", "deliveries", "channels", "sequence", "writes")
        keys = [self._keys[name] for name in names]
        cards = []
        for card in plan.cards:
            keys.append(self._keys.card(card.key))
            content = CARD.dump_json(card).decode()
            keep = 0 if card.episode.open else CARD_SECONDS
            cards.append({"slot": len(keys), "content": content, "revision": card.revision, "seconds": keep})
        deliveries = []
        for delivery in plan.deliveries:
            keys.append(self._keys.outbox(delivery.channel))
            row = {"id": delivery.id, "channel": delivery.channel, "row": encode_delivery(delivery)}
            deliveries.append({"slot": len(keys), **row})
        document = {
            "pipeline_id": plan.record.pipeline_id,
            "version": plan.record.version,
            "watches_version": watches_version,
            "record": RECORD.dump_json(plan.record).decode(),
            "cards": cards,
            "deliveries": deliveries,
        }
        return bool(await self._run("commit", keys, [json.dumps(document)]))

    async def catalogue(self) -> tuple[Pipeline, ...]:
        with _away():
            raw = await self._redis.get(self._keys["catalogue"])
        return CATALOGUE.validate_json(raw) if raw else ()

    async def save_catalogue(self, pipelines: Sequence[Pipeline]) -> None:
        with _away():
            await self._redis.set(self._keys["catalogue"], CATALOGUE.dump_json(tuple(pipelines)))

    # --- channels and gestures -------------------------------------------------------------------------------------

    async def parked(self) -> Mapping[ChannelId, ParkReason]:
        with _away():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["parked"]))
        return {ChannelId(channel.decode()): ParkReason(reason.decode()) for channel, reason in rows.items()}

    async def unpark(self, channel: ChannelId) -> bool:
        with _away():
            return bool(await self._redis.hdel(self._keys["parked"], channel))

    async def park(self, channel: ChannelId, reason: ParkReason, told: Sequence[Delivery]) -> bool:
        names = ("parked", "deliveries", "channels", "sequence", "writes")
        keys = [*(self._keys[name] for name in names), *(self._keys.outbox(delivery.channel) for delivery in told)]
        rows = [part for each in told for part in (each.id, encode_delivery(each), each.channel)]
        return bool(await self._run("park", keys, [channel, reason.value, *rows]))

    async def first_time(self, gesture: str) -> bool:
        key = self._keys.gesture(hashlib.sha256(gesture.encode()).hexdigest()[:32])
        ours = (
            uuid4().hex
        )  # told from a stranger's when the connection broke after the key was set, and the client asked again
        with _away():
            if await self._redis.set(key, ours, nx=True, ex=GESTURE_SECONDS):
                return True
            return bool(await self._redis.get(key) == ours.encode())

    # --- outbox ----------------------------------------------------------------------------------------------------

    async def channels_with_work(self) -> tuple[ChannelId, ...]:
        with _away():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.smembers(self._keys["channels"])
                pipe.hkeys(self._keys["parked"])
                channels, parked = await pipe.execute()
        return tuple(sorted(ChannelId(channel.decode()) for channel in channels - set(parked)))

    async def lease(self, channel: ChannelId, held: Lease | None = None) -> Lease | None:
        expires = self._clock.monotonic() + LEASE_SECONDS  # counted from before the call: never longer than Redis's own
        keys = [self._keys.lease(channel), self._keys["lease_tokens"]]
        token = await self._run("lease", keys, [held.token if held else 0, int(LEASE_SECONDS * 1000)])
        return Lease(channel=channel, token=token, expires=expires) if token else None

    async def release(self, lease: Lease) -> None:
        await self._run("release", [self._keys.lease(lease.channel)], [lease.token])

    async def deliveries(self, channel: ChannelId) -> tuple[Delivery, ...]:
        with _away():
            ids = await cast("Awaitable[list[bytes]]", self._redis.zrange(self._keys.outbox(channel), 0, -1))
            if not ids:
                return ()
            rows = await cast("Awaitable[list[bytes | None]]", self._redis.hmget(self._keys["deliveries"], list(ids)))
        return tuple(decode_delivery(row) for row in rows if row is not None)

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]:
        with _away():
            async with self._redis.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.hgetall(self._keys.card(key))
                rows = await pipe.execute()
        return {key: _posted_card(row) for key, row in zip(keys, rows, strict=True) if b"content" in row}

    async def claim(self, delivery: Delivery, lease: Lease) -> bool:
        return await self._write_row(delivery, lease)

    async def put_back(self, delivery: Delivery, lease: Lease) -> bool:
        return await self._write_row(delivery, lease)

    async def _write_row(self, delivery: Delivery, lease: Lease) -> bool:
        keys = [self._keys.lease(lease.channel), self._keys["deliveries"], self._keys["writes"]]
        return bool(await self._run("write_row", keys, [lease.token, delivery.id, encode_delivery(delivery)]))

    async def done(self, delivery: Delivery, lease: Lease, *, ts: str, shown: Mapping[str, int]) -> bool:
        return await self._settle(delivery, lease, "posted", ts, shown)

    async def drop(self, delivery: Delivery, lease: Lease, *, shown: Mapping[str, int], removed: bool = False) -> bool:
        return await self._settle(delivery, lease, "removed" if removed else "unchanged", "", shown)

    async def _settle(self, delivery: Delivery, lease: Lease, outcome: str, ts: str, shown: Mapping[str, int]) -> bool:
        channel = delivery.channel
        deliveries, channels, writes = (self._keys[name] for name in ("deliveries", "channels", "writes"))
        cards = [self._keys.card(key) for key in shown]
        keys = [
            self._keys.lease(lease.channel),
            deliveries,
            self._keys.outbox(delivery.channel),
            channels,
            writes,
            *cards,
        ]
        moved_on = Delivery(
            id=delivery.id,
            channel=delivery.channel,
            priority=max(delivery.priority, Priority.RECOVERY),
            body=delivery.body,
            made_at=self._clock.now(),
        )
        row = encode_delivery(moved_on)
        return bool(
            await self._run("settle", keys, [lease.token, delivery.id, channel, outcome, ts, row, *shown.values()])
        )

    async def gather(self, gathering: Gathering, lease: Lease) -> bool:
        names = ("sequence", "writes")
        channel = gathering.row.channel
        keys = [
            self._keys.lease(lease.channel),
            self._keys["deliveries"],
            self._keys.outbox(channel),
            *(self._keys[name] for name in names),
            self._keys.storm(gathering.storm_key),
            *(self._keys.card(key) for key in gathering.cards),
        ]
        replaced = [row.id for row in gathering.replaced]
        row = encode_delivery(gathering.row)
        args: list[str | int] = [lease.token, gathering.row.id, row, gathering.storm_key, CARD_SECONDS, len(replaced)]
        return bool(await self._run("gather", keys, [*args, *replaced, *gathering.cards]))

    async def storm(self, key: str) -> tuple[PostedCard, ...]:
        with _away():
            members = await cast("Awaitable[set[bytes]]", self._redis.smembers(self._keys.storm(key)))
        cards = await self.cards(sorted(member.decode() for member in members))
        return tuple(sorted(cards.values(), key=lambda card: card.content.pipeline.name.lower()))


def _posted_card(row: Mapping[bytes, bytes]) -> PostedCard:
    return PostedCard(
        content=CARD.validate_json(row[b"content"]),
        revision=int(row[b"revision"]),
        ts=row[b"ts"].decode() if b"ts" in row else None,
        delivered_revision=int(row.get(b"delivered", b"0")),
        removed=b"removed" in row and b"ts" not in row,
        storm=row[b"storm"].decode() if b"storm" in row else None,
    )
