"""Records of Redis: whether it answers, and what it forgot."""

from bot.ports.telemetry import EventRecord, Level, event


@event("store_away", Level.WARNING)
class StoreUnreachable(EventRecord):
    """`component` is the part of the bot that noticed."""

    component: str
    problem: str
    pipeline: str | None = None
    next_try_seconds: float | None = None


@event("store_weak", Level.WARNING)
class StoreWeak(EventRecord):
    problem: str
    fix: str


@event("migrated", Level.INFO)
class Migrated(EventRecord):
    """`keys` got the names of this schema."""

    schema: int
    keys: int


@event("migration_waits", Level.INFO)
class MigrationWaits(EventRecord):
    """A bot of an older version still leads; this one waits `seconds` more for it to stop."""

    seconds: float
