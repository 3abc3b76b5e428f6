"""Watches, the notes on pipelines, and the setup. `setup_store` changes the setup."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.note import Note
from bot.domain.setup import NO_SETUP, Setup
from bot.domain.subscription import Undo, WatchChange
from bot.domain.watch import ChannelId, SuspendReason, TeamId, Watch
from bot.ports.changes import UNKNOWN_POSITION


@dataclass(frozen=True, slots=True)
class Watches:
    """The workspace's watches, suspended channels, notes and setup, as of one moment."""

    version: int
    """Counts the changes to all four."""
    all: tuple[Watch, ...]
    """Oldest first."""
    suspended: Mapping[ChannelId, SuspendReason] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    position: str = field(default=UNKNOWN_POSITION, compare=False)
    """Where the log of changes ended before they were read."""
    setup: Setup = NO_SETUP

    def in_channel(self, channel: ChannelId) -> tuple[Watch, ...]:
        """The watches of one channel, oldest first."""
        return tuple(watch for watch in self.all if watch.channel == channel)


@dataclass(frozen=True, slots=True)
class WatchChanges:
    """The changes of the watches after a position, and all suspended channels, notes and settings."""

    version: int
    watches: Mapping[ChannelId, Mapping[str, Watch | None]]
    """The changed watches of each channel, by id. None: the watch has ended."""
    suspended: Mapping[ChannelId, SuspendReason]
    notes: tuple[Note, ...]
    position: str = field(compare=False)
    setup: Setup = NO_SETUP


class WatchStore(Protocol):
    """Reads and changes watches and notes. A change counts only if nobody changed the watches since they were read."""

    @property
    def team(self) -> TeamId:
        """The workspace that owns the watches."""
        ...

    async def watches(self) -> Watches:
        """Reads all watches, suspended channels, notes and settings."""
        ...

    async def watch_changes(self, position: str) -> WatchChanges | None:
        """The changes after a position; None if the log does not reach back so far."""
        ...

    async def watches_version(self) -> int:
        """The current version alone: cheap enough to notice a change every second."""
        ...

    async def change_watches(self, change: WatchChange) -> bool:
        """Changes, announces and records the watches in one step. A new watch resumes a suspended channel.

        False: another bot changed watches first, or the undo is gone. Nothing was changed; plan again.
        """
        ...

    async def undo(self, undo_id: str) -> Undo | None:
        """The edits that undo a change; None if someone used the undo, or if it expired."""
        ...

    async def set_note(self, note: Note, before: Note | None = None) -> bool:
        """Stores the note, and records the change from `before`. A note without text removes the stored one.

        False: there was none to remove.
        """
        ...
