"""The Store over Redis: watches, records, the catalogue, gestures. A change of more than one key is one Lua script."""

import hashlib
import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast
from uuid import uuid4

from redis.exceptions import RedisError

from bot.domain.card import PostedCard
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery, Lane, LaneKind
from bot.domain.note import Note
from bot.domain.observation import PipelineId
from bot.domain.plan import Plan, Record
from bot.domain.subscription import UNDO_FOR, Undo, WatchChange
from bot.domain.watch import ChannelId, SuspendReason, Watch
from bot.ports import Clock, Interaction, LastHeartbeat, Lease, StoreAway, Watches
from bot.store.cards import read_cards, read_group
from bot.store.codec import (
    CARD,
    INTERACTION,
    NOTE,
    RECORD,
    UNDO,
    WATCH,
    decode_catalogue,
    decode_watch,
    encode_catalogue,
    encode_delivery,
)
from bot.store.losses import MARK, Losses
from bot.store.scripts import Scripts, away, readable

INTERACTION_SECONDS = 25 * 3600  # Slack may deliver again a day later
CARD_SECONDS = 30 * 24 * 3600
HELLO_SECONDS = 30 * 24 * 3600
TURN_SECONDS = 10.0
TRIAL_SECONDS = 24 * 3600  # what a channel is owed is tried at once when it wakes


class RedisStore:
    """Implements `ports.Store` for one workspace."""

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        self.team = scripts.team
        self._scripts = scripts
        self._redis = scripts.redis
        self._keys = scripts.keys
        self._clock = clock
        self._losses = Losses(scripts)

    # --- watches ---------------------------------------------------------------------------------------------------

    async def watches(self) -> Watches:
        with away():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.get(self._keys["watches_version"])
                pipe.hvals(self._keys["watches"])
                pipe.hgetall(self._keys["parked"])
                pipe.hvals(self._keys["notes"])
                version, rows, suspended, notes = await pipe.execute()
        with readable("watches"):
            those = sorted((decode_watch(row) for row in rows if row != MARK), key=lambda each: each[0])
        with readable("parked"):
            reasons = {
                ChannelId(channel.decode()): SuspendReason(reason.decode())
                for channel, reason in suspended.items()
                if channel != MARK
            }
        with readable("notes"):
            told = sorted((NOTE.decode(row) for row in notes if row != MARK), key=lambda note: note.id)
        with readable("watches_version"):
            number = int(version or 0)
        return Watches(number, tuple(watch for _, watch in those), reasons, tuple(told))

    async def watches_version(self) -> int:
        with away(), readable("watches_version"):
            return int(await self._redis.get(self._keys["watches_version"]) or 0)

    async def change_watches(self, change: WatchChange) -> bool:
        makes = change.wakes and any(edit.after for edit in change.edits)
        keys = [self._keys[name] for name in ("watches", "watches_version", "parked", "woken")]
        keys += [self._keys.told(change.channel if makes else ChannelId(""))]
        keys += [self._keys.undo(change.undo.id if change.undo else ""), self._keys.undo(change.uses)]
        outboxes, rows = self._scripts.enqueued(change.told)
        args: list[str | int] = [
            change.version,
            change.channel if makes else "",
            self._clock.now().isoformat(),
            UNDO.encode(change.undo) if change.undo else "",
            int(UNDO_FOR.total_seconds()),
            "used" if change.uses else "",
            len(change.told),
            *rows,
        ]
        for edit in change.edits:
            args += [edit.id, WATCH.encode(edit.after) if edit.after else ""]
        return bool(await self._scripts.write("change_watches", [*keys, *outboxes], args))

    async def undo(self, undo_id: str) -> Undo | None:
        with away():
            raw = await self._redis.get(self._keys.undo(undo_id))
        return UNDO.decode(raw) if raw else None

    async def say_hello(self, greeting: Delivery) -> bool:
        keys = [self._keys.hello(greeting.channel), self._keys.outbox(greeting.lane)]
        row = encode_delivery(greeting)
        args: list[str | int] = [HELLO_SECONDS, greeting.lane.name, greeting.id, row]
        return bool(await self._scripts.write("hello", keys, args))

    async def set_note(self, note: Note) -> bool:
        row = NOTE.encode(note) if note.text else ""
        keys = [self._keys["notes"], self._keys["watches_version"]]
        return bool(await self._scripts.write("change_note", keys, [note.id, row]))

    async def keep_rename(self, old: ChannelId, new: ChannelId, told_at: str) -> None:
        keys = [self._keys[name] for name in ("moved", "moving", "moved_at")]
        await self._scripts.run("keep_rename", keys, [old, new, told_at])

    async def renames(self) -> Mapping[ChannelId, ChannelId]:
        with away():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.smembers(self._keys["moving"])
                pipe.hgetall(self._keys["moved"])
                moving, moved = await pipe.execute()
        return {ChannelId(old.decode()): ChannelId(moved[old].decode()) for old in sorted(moving) if old in moved}

    async def newest_id(self, channel: ChannelId) -> ChannelId:
        with away():
            newest = await cast("Awaitable[bytes | None]", self._redis.hget(self._keys["moved"], channel))
        return ChannelId(newest.decode()) if newest else channel

    async def rename_channel(self, old: ChannelId, new: ChannelId) -> int:
        watches = await self.watches()
        moving = watches.of(old)
        lanes = [(Lane(kind, old), Lane(kind, new)) for kind in LaneKind]
        names = ("watches", "watches_version", "parked", "woken", "last_ts", "records", "versions")
        keys = [self._keys[name] for name in names]
        for lane, new_lane in lanes:
            keys += [self._keys.lease(lane.name), self._keys.outbox(lane), self._keys.outbox(new_lane)]
        keys += [self._keys.told(old), self._keys.told(new), self._keys["moved"], self._keys["moving"]]
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

    async def suspend(
        self, channel: ChannelId, reason: SuspendReason, told: Sequence[Delivery], watches: Sequence[Watch]
    ) -> int | None:
        outboxes, rows = self._scripts.enqueued(told)
        known = [self._keys[name] for name in ("parked", "watches", "watches_version")]
        keys = [*known, self._keys.told(channel), self._keys["last_ts"], *outboxes]
        lanes = [Lane(kind, channel).name for kind in LaneKind]
        read = [part for each in watches for part in (each.id, json.loads(WATCH.encode(each))["made_at"])]
        args: list[str | int] = [channel, reason.value, *lanes, len(watches), *read, *rows]
        answer = await self._scripts.write("park", keys, args)
        return answer - 1 if answer else None

    async def resume(self, channel: ChannelId, *, on_trial: bool = False) -> bool:
        keys = [self._keys[name] for name in ("parked", "watches_version", "woken")]
        args: list[str | int] = [channel, self._clock.now().isoformat(), TRIAL_SECONDS if on_trial else 0]
        return bool(await self._scripts.write("unpark", [*keys, self._keys.told(channel)], args))

    # --- pipelines -------------------------------------------------------------------------------------------------

    async def next_epoch(self, above: int = 0) -> int:
        with away():
            epoch = int(await self._redis.incr(self._keys["epoch"]))
            if epoch <= above:
                epoch = int(await self._redis.incrby(self._keys["epoch"], above + 1 - epoch))
            return epoch

    async def versions(self) -> Mapping[PipelineId, int]:
        with away():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["versions"]))
        with readable("versions"):
            return {PipelineId(key.decode()): int(version) for key, version in rows.items()}

    async def records(self) -> Mapping[PipelineId, Record]:
        with away():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hgetall(self._keys["records"])
                pipe.hgetall(self._keys["versions"])
                rows, versions = await pipe.execute()
        with readable("records"):
            return {
                PipelineId(key.decode()): replace(RECORD.decode(row), version=int(versions.get(key, 0)))
                for key, row in rows.items()
            }

    async def record(self, pipeline_id: PipelineId) -> Record:
        with away():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hget(self._keys["records"], pipeline_id)
                pipe.hget(self._keys["versions"], pipeline_id)
                row, version = await pipe.execute()
        with readable("records"):
            record = RECORD.decode(row) if row else Record(pipeline_id=pipeline_id)
            return replace(record, version=int(version or 0))

    async def commit(self, plan: Plan, watches_version: int) -> bool:
        fenced = 3
        keys = [self._keys[name] for name in ("records", "versions", "watches_version")]
        cards = []
        for card in plan.cards:
            keys.append(self._keys.card(card.key))
            content = CARD.encode(card)
            keep = 0 if card.episode.open else CARD_SECONDS
            cards.append({"slot": fenced + len(keys), "content": content, "revision": card.revision, "seconds": keep})
        deliveries = []
        for delivery in plan.deliveries:
            keys.append(self._keys.outbox(delivery.lane))
            row = {"id": delivery.id, "lane": delivery.lane.name, "row": encode_delivery(delivery)}
            deliveries.append({"slot": fenced + len(keys), **row})
        document = {
            "pipeline_id": plan.record.pipeline_id,
            "version": plan.record.version,
            "watches_version": watches_version,
            "record": RECORD.encode(plan.record),
            "cards": cards,
            "deliveries": deliveries,
        }
        return bool(await self._scripts.write("commit", keys, [json.dumps(document)]))

    async def catalogue(self) -> tuple[Pipeline, ...]:
        with away():
            raw = await self._redis.get(self._keys["catalogue"])
        with readable("catalogue"):
            return decode_catalogue(raw) if isinstance(raw, bytes) else ()

    async def save_catalogue(self, pipelines: Sequence[Pipeline]) -> None:
        with away():
            await self._redis.set(self._keys["catalogue"], encode_catalogue(pipelines))

    async def cards(self, keys: Sequence[str]) -> Mapping[str, PostedCard]:
        return await read_cards(self._redis, self._keys, keys)

    async def group(self, key: str) -> tuple[PostedCard, ...]:
        return await read_group(self._redis, self._keys, key)

    # --- gestures --------------------------------------------------------------------------------------------------

    async def first_time(self, gesture: Interaction) -> bool:
        mark = self._keys.gesture(hashlib.sha256(gesture.id.encode()).hexdigest()[:32])
        row = INTERACTION.encode(gesture)
        keys = [mark, self._keys["gestures"]]
        return bool(await self._scripts.run("gesture", keys, [uuid4().hex, INTERACTION_SECONDS, gesture.id, row]))

    async def finished(self, gesture: Interaction) -> None:
        with away():
            await self._redis.hdel(self._keys["gestures"], gesture.id)

    async def unfinished(self) -> tuple[Interaction, ...]:
        with away():
            rows = await cast("Awaitable[list[bytes]]", self._redis.hvals(self._keys["gestures"]))
        return tuple(
            sorted(
                (INTERACTION.decode(row) for row in rows if row != MARK),
                key=lambda gesture: (gesture.at, gesture.id),
            )
        )

    # --- whose turn it is, and whether all is still there ----------------------------------------------------------

    async def acquire_lease(self, name: str, held: Lease | None = None) -> Lease | None:
        expires = self._clock.monotonic() + TURN_SECONDS
        token = held.token if held else uuid4().hex
        taken = await self._scripts.run("lease", [self._keys.lease(name)], [token, int(TURN_SECONDS * 1000)])
        since = held.since if held else self._clock.now()
        return Lease(name=name, token=token, since=since, expires=expires) if taken else None

    async def release_lease(self, lease: Lease) -> None:
        await self._scripts.run("release", [self._keys.lease(lease.name)], [lease.token])

    async def last_heartbeat(self) -> LastHeartbeat:
        with away():
            last = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["pulse"]))
            run_id = await self._run_id()
        if self._scripts.strange:
            await self._scripts.greet()
        at, since, doubt = last.get(b"at"), last.get(b"read_since"), last.get(b"doubt")
        with readable("pulse"):
            return LastHeartbeat(
                run_id=run_id,
                last_run_id=last.get(b"run_id", b"").decode(),
                last_at=datetime.fromisoformat(at.decode()) if at else None,
                read_since=datetime.fromisoformat(since.decode()) if since else None,
                doubt_since=datetime.fromisoformat(doubt.decode()) if doubt else None,
            )

    async def record_heartbeat(
        self, at: datetime, run_id: str, told: Sequence[Delivery] = (), *, read_since: datetime | None = None
    ) -> None:
        outboxes, rows = self._scripts.enqueued(told)
        since = read_since.isoformat() if read_since else ""
        await self._scripts.write("beat", [self._keys["pulse"], *outboxes], [at.isoformat(), run_id, since, *rows])

    async def tell(self, told: Sequence[Delivery], redrawn: Sequence[str] = ()) -> None:
        await self._scripts.tell(told, redrawn)

    async def _run_id(self) -> str:
        """Of the server that answers, with its role. Some hosted Redis keep INFO to themselves: then the count of
        writes has to do."""
        try:
            server = await self._redis.info("server")
            replication = await self._redis.info("replication")
        except RedisError as exc:
            if "unknown" in str(exc).lower() or "perm" in str(exc).lower():
                return ""
            raise
        return f"{server.get('run_id', '')}/{replication.get('role', '')}"

    async def lost_keys(
        self, cards: Sequence[str], suspended: Iterable[ChannelId]
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        return await self._losses.found(cards, suspended)

    async def accept_loss(self, at: datetime) -> None:
        await self._scripts.greet()
        await self._scripts.write("doubt", [self._keys["pulse"]], [at.isoformat()])
