"""Summaries: one message for what many pipelines went through, as data. `slack` renders them.

The fields are stored in Redis, so a new name needs an upgrade of older rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.catalogue import Pipeline
from bot.domain.episode import TimelineEntry
from bot.domain.setup import SetupKind
from bot.domain.transition import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestEntry:
    """What one pipeline went through in a period, in one line of a summary."""

    pipeline: Pipeline
    counts: Mapping[Event, int]
    """How often each event occurred."""
    since: datetime
    until: datetime
    last: TimelineEntry
    """The latest entry, which tells the current state."""
    card_key: str = ""
    """The card of an episode that is still open. It follows later, with the whole episode."""
    revision: int = 0
    """The last revision of that episode that `counts` includes. A later digest counts from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Many episodes in one message: they waited too long, or were too many, for a message each."""

    key: str
    entries: tuple[DigestEntry, ...]
    silence: SetupKind | None = None
    """The kind of silence that ended and had held back these entries. None: the bot catches up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPages:
    """The summary of one person's direct pages beyond the hourly limit."""

    key: str
    limit: int
    """Pages an hour."""
    entries: tuple[DigestEntry, ...]
