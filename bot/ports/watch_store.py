"""Watches, and the notes on pipelines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.note import Note
from bot.domain.subscription import Undo, WatchChange
from bot.domain.watch import ChannelId, SuspendReason, TeamId, Watch


@dataclass(frozen=True, slots=True)
class Watches:
    """The workspace's watches, suspended channels and notes. `version` counts the changes to all three."""

    version: int
    all: tuple[Watch, ...]
    suspended: Mapping[ChannelId, SuspendReason] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def in_channel(self, channel: ChannelId) -> tuple[Watch, ...]:
        return tuple(watch for watch in self.all if watch.channel == channel)


class WatchStore(Protocol):
    @property
    def team(self) -> TeamId:
        """The workspace that owns the watches."""
        ...

    async def watches(self) -> Watches: ...

    async def watches_version(self) -> int: ...

    async def change_watches(self, change: WatchChange) -> bool:
        """Changes and announces the watches in one step. A new watch resumes a suspended channel.

        False: another bot changed watches first, or the undo is gone. Nothing was changed; plan again.
        """
        ...

    async def undo(self, undo_id: str) -> Undo | None:
        """None if someone used it, or if it expired."""
        ...

    async def set_note(self, note: Note) -> bool:
        """A note without text removes the stored one. False: there was none."""
        ...
