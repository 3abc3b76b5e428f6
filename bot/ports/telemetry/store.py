"""Records of Redis: its absences, failovers and lost data."""

from collections.abc import Sequence
from enum import StrEnum

from bot.ports.telemetry import EventRecord, Level, event


class Component(StrEnum):
    """A part of the bot that uses Redis."""

    STARTUP = "startup"
    MONITORING = "monitoring"
    SCHEDULER = "scheduler"
    READER = "reader"
    READS = "reads"
    LEADER_CALLS = "leader_calls"
    DELIVERY = "delivery"
    SLACK = "slack"


@event("store_away", Level.WARNING)
class StoreUnreachable(EventRecord):
    """`component` is the part of the bot that noticed."""

    component: Component
    problem: str
    pipeline: str | None = None
    next_try_seconds: float | None = None


@event("row_unreadable", Level.ERROR)
class RowUnreadable(EventRecord):
    """The bot leaves out a damaged row of a hash in Redis, or one of a kind that only newer versions know."""

    key: str
    row: str
    problem: str


@event("store_weak", Level.WARNING)
class StoreWeak(EventRecord):
    problem: str
    fix: str


@event("migrated", Level.INFO)
class Migrated(EventRecord):
    """This many keys got the names or the form of this schema."""

    schema: int
    keys: int


@event("migration_waits", Level.INFO)
class MigrationWaits(EventRecord):
    """A bot of an older version still leads. This bot waits up to `seconds` more for it to stop."""

    seconds: float


@event("another_redis", Level.WARNING)
class AnotherRedis(EventRecord):
    """Redis restarted, or another server answers."""

    before: str
    now: str


@event("store_restarted", Level.INFO)
class StoreRestarted(EventRecord):
    before: str
    now: str


@event("store_clock_set", Level.WARNING)
class StoreClockSet(EventRecord):
    """Someone set the store's clock, or another server's clock differs."""

    seconds: float


@event("time_ahead", Level.WARNING)
class TimeAhead(EventRecord):
    """The bots' time is far ahead of the store's clock, and needs ten times as long to return to it."""

    seconds: float
    fix: str


@event("store_rolled_back", Level.WARNING)
class RollbackFound(EventRecord):
    watches: int


@event("store_incomplete", Level.ERROR)
class StoreIncomplete(EventRecord):
    keys: Sequence[str]


@event("store_empty", Level.WARNING)
class StoreEmpty(EventRecord):
    channels: Sequence[str]


@event("notes_lost", Level.ERROR)
class NotesLost(EventRecord):
    notes: Sequence[str]


@event("setup_lost", Level.ERROR)
class SetupLost(EventRecord):
    """Policies, schedules and other settings."""

    rows: Sequence[str]


@event("watches_lost", Level.ERROR)
class WatchesLost(EventRecord):
    watches: Sequence[str]
