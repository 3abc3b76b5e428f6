"""Watches and notes, in Redis. Reads the setup with them."""

from collections.abc import Mapping
from sys import intern
from typing import cast

from redis.asyncio.client import Pipeline

from bot.domain.audit_entries import note_entry, watch_entries
from bot.domain.note import Note
from bot.domain.setup import Setup
from bot.domain.subscription import UNDO_FOR, Undo, WatchChange
from bot.domain.watch import ChannelId, SuspendReason, Watch
from bot.ports.changes import UNKNOWN_POSITION
from bot.ports.watch_store import WatchChanges, Watches
from bot.store.batches import scanned
from bot.store.change_log import ENTRIES_READ, KEPT, ChangeLog, changes_after
from bot.store.codec import NOTE, UNDO, WATCH
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors
from bot.store.setup_rows import AUDIT_ENTRY, decode_setup_row


class RedisWatches(RedisPort):
    """Implements `WatchStore`."""

    async def watches(self) -> Watches:
        """The version is read before the rows, so the rows are at least as new. The log has what changes meanwhile."""
        with translating_redis_errors():
            position = (await ChangeLog(self._redis, self._keys["watch_changes"]).since(UNKNOWN_POSITION)).position
            async with self._redis.pipeline(transaction=True) as pipe:
                self._ask_other_parts(pipe)
                version, suspended, notes, setup = self._other_parts(*await pipe.execute())
        by_id: dict[str, Watch] = {}
        async for rows in scanned(self._redis, self._keys["watches"]):
            watches = self._scripts.readable("watches", rows.items(), lambda _, row: WATCH.decode(row))
            by_id |= {key.decode(): _shared(watch) for key, watch in watches.items()}
        oldest_first = sorted(map(by_id.__getitem__, sorted(by_id)), key=lambda watch: watch.made_at.timestamp())
        return Watches(version, tuple(oldest_first), suspended, notes, position, setup)

    async def watch_changes(self, position: str) -> WatchChanges | None:
        """Reads log and version in one step: a later version would hide a change that the log did not have yet."""
        if position == UNKNOWN_POSITION:
            return None
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.xrange(self._keys["watch_changes"], position, "+", count=ENTRIES_READ)
                self._ask_other_parts(pipe)
                entries, *others = await pipe.execute()
        logged = changes_after(position, entries)
        if logged.changed is None:
            return None
        version, suspended, notes, setup = self._other_parts(*others)
        ids = list(logged.changed)
        with translating_redis_errors():
            rows = await self._redis.hmget(self._keys["watches"], ids) if ids else []
        stored = dict(zip(ids, cast("list[bytes | None]", rows), strict=True))
        readable = self._scripts.readable("watches", stored.items(), lambda _, row: WATCH.decode(row))
        watches: dict[ChannelId, dict[str, Watch | None]] = {}
        for watch_id in [one for one in ids if one in readable or not stored[one]]:
            channel = ChannelId(logged.changed[watch_id].decode())
            watches.setdefault(channel, {})[watch_id] = readable.get(watch_id)
        return WatchChanges(version, watches, suspended, notes, logged.position, setup)

    def _ask_other_parts(self, pipe: Pipeline) -> None:
        """For the version, the suspended channels, the notes and the setup."""
        pipe.get(self._keys["watches_version"])
        pipe.hgetall(self._keys["suspended"])
        pipe.hgetall(self._keys["notes"])
        pipe.hgetall(self._keys["setup"])

    def _other_parts(
        self,
        version: bytes | None,
        suspended: Mapping[bytes, bytes],
        notes: Mapping[bytes, bytes],
        setup: Mapping[bytes, bytes],
    ) -> tuple[int, dict[ChannelId, SuspendReason], tuple[Note, ...], Setup]:
        readable = self._scripts.readable
        reasons = readable("suspended", suspended.items(), lambda _, reason: SuspendReason(reason.decode()))
        suspensions = {ChannelId(channel.decode()): reason for channel, reason in reasons.items()}
        by_id = readable("notes", notes.items(), lambda _, row: NOTE.decode(row))
        sorted_notes = sorted(by_id.values(), key=lambda note: note.id)
        rows = tuple(readable("setup", sorted(setup.items()), decode_setup_row).values())
        with decoding("watches_version"):
            number = int(version or 0)
        return number, suspensions, tuple(sorted_notes), Setup(rows)

    async def watches_version(self) -> int:
        with translating_redis_errors(), decoding("watches_version"):
            return int(await self._redis.get(self._keys["watches_version"]) or 0)

    async def change_watches(self, change: WatchChange) -> bool:
        resumes = change.resumes and any(edit.after for edit in change.edits)
        keys = [self._keys[name] for name in ("watches", "watches_version", "suspended", "resumed")]
        keys += [self._keys.suspend_notice(change.channel if resumes else ChannelId(""))]
        keys += [self._keys.undo(change.undo.id if change.undo else ""), self._keys.undo(change.uses)]
        keys += [self._keys["watch_changes"], self._keys["audit"]]
        entries = watch_entries(change, self._clock.now())
        outboxes, rows = self._scripts.enqueue_arguments(change.announcements)
        args: list[str | int] = [
            change.version,
            change.channel if resumes else "",
            self._clock.now().isoformat(),
            UNDO.encode(change.undo) if change.undo else "",
            int(UNDO_FOR.total_seconds()),
            "used" if change.uses else "",
            len(change.announcements),
            KEPT,
            change.channel,
            len(entries),
            *rows,
            *map(AUDIT_ENTRY.encode, entries),
        ]
        for edit in change.edits:
            args += [edit.id, WATCH.encode(edit.after) if edit.after else ""]
        return bool(await self._scripts.write("change_watches", [*keys, *outboxes], args))

    async def undo(self, undo_id: str) -> Undo | None:
        with translating_redis_errors():
            raw = cast("bytes | None", await self._redis.get(self._keys.undo(undo_id)))
        return self._scripts.readable("undo", [(undo_id, raw)], lambda _, row: UNDO.decode(row)).get(undo_id)

    async def set_note(self, note: Note, before: Note | None = None) -> bool:
        row = NOTE.encode(note) if note.text else ""
        keys = [self._keys[name] for name in ("notes", "watches_version", "audit")]
        entry = AUDIT_ENTRY.encode(note_entry(note, before))
        return bool(await self._scripts.write("change_note", keys, [note.id, row, entry]))


def _shared(watch: Watch) -> Watch:
    """The watch, just decoded, with the texts that it has in common with other watches and pipelines.

    Changes a frozen object that nobody else has yet.
    """
    for name in ("reference", "channel", "made_by", "made_by_name"):
        object.__setattr__(watch, name, intern(getattr(watch, name)))
    return watch
