"""Reads the audit log, and writes each change into the process's log."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from bot.domain.audit import AuditEntry
from bot.domain.catalogue import Pipeline, comparable, is_pattern, matches
from bot.domain.watch import ChannelId, UserId
from bot.ports.setup_store import SetupStore
from bot.ports.telemetry import emit
from bot.ports.telemetry.requests import SettingChanged

MOST_READ = 5_000
"""Entries that one question reads. A search says so if older ones are left."""
READ_AT_ONCE = 500


def emit_changes(entries: Iterable[AuditEntry]) -> None:
    """One structured line for each change."""
    for entry in entries:
        emit(
            SettingChanged(
                subject=entry.subject,
                label=entry.label,
                reference=entry.reference,
                by=entry.by or "",
                channel=entry.channel or "",
                before=entry.before,
                after=entry.after,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSearch:
    """The entries that somebody looks for. All that is given must hold."""

    words: tuple[str, ...] = ()
    """Each one is in the entry's text."""
    pipelines: tuple[Pipeline, ...] = ()
    """One that the words may name. An entry about it, or about a pattern that matches it, needs no words."""
    by: UserId | None = None

    def finds(self, entry: AuditEntry) -> bool:
        if self.by is not None and entry.by != self.by:
            return False
        if any(_is_about(entry, pipeline) for pipeline in self.pipelines):
            return True
        text = comparable(
            " ".join((entry.subject, entry.label, entry.reference, entry.by_name, entry.before, entry.after))
        )
        return all(comparable(word) in text for word in self.words)


def _is_about(entry: AuditEntry, pipeline: Pipeline) -> bool:
    if is_pattern(entry.reference):
        return matches(entry.reference, pipeline)
    return entry.reference == pipeline.id


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswer:
    """The found entries, latest first. `complete`: false if older entries were not read."""

    entries: tuple[AuditEntry, ...]
    complete: bool = True


class AuditLog:
    """Finds the changes that a person may see."""

    def __init__(self, setup_store: SetupStore) -> None:
        self._setup_store = setup_store

    async def find(
        self, search: AuditSearch, may_see: Callable[[ChannelId], Awaitable[bool]], most: int
    ) -> AuditAnswer:
        """The latest `most` entries. `may_see` decides about each channel once; the workspace's entries need none."""
        found: list[AuditEntry] = []
        seen: dict[ChannelId, bool] = {}
        position, number = "", 0
        while number < MOST_READ:
            page = await self._setup_store.audit(position, READ_AT_ONCE)
            for entry in filter(search.finds, page.entries):
                channel = entry.channel
                if channel is not None and channel not in seen:
                    seen[channel] = await may_see(channel)
                if channel is None or seen[channel]:
                    found.append(entry)
                if len(found) >= most:
                    return AuditAnswer(entries=tuple(found))
            number, position = number + len(page.entries), page.older
            if not position:
                return AuditAnswer(entries=tuple(found))
        return AuditAnswer(entries=tuple(found), complete=False)
