"""Watches and notes, in Redis."""

from bot.domain.note import Note
from bot.domain.subscription import UNDO_FOR, Undo, WatchChange
from bot.domain.watch import ChannelId, SuspendReason
from bot.ports.watch_store import Watches
from bot.store.codec import NOTE, UNDO, WATCH, decode_watch
from bot.store.losses import MARK
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors


class RedisWatches(RedisPort):
    """Implements `WatchStore`."""

    async def watches(self) -> Watches:
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.get(self._keys["watches_version"])
                pipe.hvals(self._keys["watches"])
                pipe.hgetall(self._keys["suspended"])
                pipe.hvals(self._keys["notes"])
                version, rows, suspended, notes = await pipe.execute()
        with decoding("watches"):
            sorted_watches = sorted((decode_watch(row) for row in rows if row != MARK), key=lambda pair: pair[0])
        with decoding("suspended"):
            reasons = {
                ChannelId(channel.decode()): SuspendReason(reason.decode())
                for channel, reason in suspended.items()
                if channel != MARK
            }
        with decoding("notes"):
            sorted_notes = sorted((NOTE.decode(row) for row in notes if row != MARK), key=lambda note: note.id)
        with decoding("watches_version"):
            number = int(version or 0)
        return Watches(number, tuple(watch for _, watch in sorted_watches), reasons, tuple(sorted_notes))

    async def watches_version(self) -> int:
        with translating_redis_errors(), decoding("watches_version"):
            return int(await self._redis.get(self._keys["watches_version"]) or 0)

    async def change_watches(self, change: WatchChange) -> bool:
        resumes = change.resumes and any(edit.after for edit in change.edits)
        keys = [self._keys[name] for name in ("watches", "watches_version", "suspended", "resumed")]
        keys += [self._keys.suspend_notice(change.channel if resumes else ChannelId(""))]
        keys += [self._keys.undo(change.undo.id if change.undo else ""), self._keys.undo(change.uses)]
        outboxes, rows = self._scripts.enqueue_arguments(change.announcements)
        args: list[str | int] = [
            change.version,
            change.channel if resumes else "",
            self._clock.now().isoformat(),
            UNDO.encode(change.undo) if change.undo else "",
            int(UNDO_FOR.total_seconds()),
            "used" if change.uses else "",
            len(change.announcements),
            *rows,
        ]
        for edit in change.edits:
            args += [edit.id, WATCH.encode(edit.after) if edit.after else ""]
        return bool(await self._scripts.write("change_watches", [*keys, *outboxes], args))

    async def undo(self, undo_id: str) -> Undo | None:
        with translating_redis_errors():
            raw = await self._redis.get(self._keys.undo(undo_id))
        with decoding("undo"):
            return UNDO.decode(raw) if raw else None

    async def set_note(self, note: Note) -> bool:
        row = NOTE.encode(note) if note.text else ""
        keys = [self._keys["notes"], self._keys["watches_version"]]
        return bool(await self._scripts.write("change_note", keys, [note.id, row]))
