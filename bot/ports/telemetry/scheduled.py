"""Records of scheduled messages: the dead man's switch, and the backups of escalations."""

from bot.ports.telemetry import EventRecord, Level, event


@event("message_scheduled", Level.DEBUG)
class MessageScheduled(EventRecord):
    """Slack posts a message in so many seconds, unless the bot deletes it before."""

    purpose: str
    channel: str
    seconds: float


@event("schedule_refused", Level.WARNING)
class ScheduleRefused(EventRecord):
    """Slack did not schedule, delete or list. The bot tries again a minute later."""

    purpose: str
    error: str


@event("scheduled_orphan", Level.INFO)
class OrphanFound(EventRecord):
    """Slack has a scheduled message that no bot knows: one stopped before it stored the id. The bot deletes it."""

    channel: str
    scheduled: str


@event("switch_held", Level.WARNING)
class SwitchHeld(EventRecord):
    """The bot no longer postpones its dead man's switch, because people must not rely on it."""

    problem: str


@event("switch_postponed", Level.INFO)
class SwitchPostponed(EventRecord):
    """The bot postpones its dead man's switch again."""


@event("watchdog_not_pinged", Level.WARNING)
class WatchdogNotPinged(EventRecord):
    """The outside watchdog got no sign of life, and alarms people if that goes on."""

    problem: str


@event("watchdog_pinged", Level.INFO)
class WatchdogPinged(EventRecord):
    """The outside watchdog got the first sign of life, or the first one after a problem."""
