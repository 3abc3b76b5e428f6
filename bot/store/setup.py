"""The setup and the audit log, in Redis."""

from typing import cast

from bot.domain.audit import AuditPage
from bot.domain.setup_change import SetupChange
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors
from bot.store.setup_rows import AUDIT_ENTRY, encode_setup_row


class RedisSetup(RedisPort):
    """Implements `SetupStore`."""

    async def change_setup(self, change: SetupChange) -> bool:
        outboxes, rows = self._scripts.enqueue_arguments(change.announcements)
        entries = change.audit
        args: list[str | int] = [
            change.version,
            len(change.edits),
            len(entries),
            len(change.announcements),
        ]
        for edit in change.edits:
            args += [edit.row.key, encode_setup_row(edit.after) if edit.after else ""]
        args += [*map(AUDIT_ENTRY.encode, entries), *rows]
        keys = [self._keys[name] for name in ("watches_version", "setup", "audit")]
        return bool(await self._scripts.write("change_setup", [*keys, *outboxes], args))

    async def audit(self, before: str = "", count: int = 100) -> AuditPage:
        with translating_redis_errors():
            end = f"({before}" if before else "+"
            found = cast(
                "list[tuple[bytes, dict[bytes, bytes]]]",
                await self._redis.xrevrange(self._keys["audit"], end, "-", count=count),
            )
        with decoding("audit"):
            entries = tuple(AUDIT_ENTRY.decode(fields[b"entry"]) for _, fields in found)
        return AuditPage(entries, found[-1][0].decode() if len(found) == count else "")
