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
