"""Records of reading GoldRush: polling, single reads, transitions, and the API as a whole."""

from datetime import datetime

from bot.ports.telemetry import EventRecord, Level, event


@event("polling_started", Level.INFO)
class PollingStarted(EventRecord):
    pipelines: int


@event("was_blind", Level.WARNING)
class WasBlind(EventRecord):
    """No bot read any pipeline during this time."""

    since: datetime
    seconds: float


@event("transition", Level.INFO)
class TransitionDetected(EventRecord):
    """A pipeline changed. `became` is the event, `phase` the phase after it."""

    pipeline: str
    became: str
    phase: str | None
    reason: str | None = None


@event("read_failed", Level.INFO)
class ReadFailed(EventRecord):
    """`reason` says why the read counts against the pipeline, or against none."""

    pipeline: str
    error: str
    problem: str
    reason: str


@event("read_crashed", Level.ERROR)
class ReadCrashed(EventRecord):
    exception: BaseException
    pipeline: str | None = None


@event("listing_failed", Level.INFO)
class ListingFailed(EventRecord):
    error: str
    problem: str


@event("intent_unknown", Level.INFO)
class IntentUnknown(EventRecord):
    """The bot could not read whether the owner wants the pipeline to run."""

    pipeline: str
    problem: str


@event("api_health", Level.WARNING)
class ApiHealthChanged(EventRecord):
    """An outage of GoldRush began, changed or ended. `health` is a value of `ApiHealth`."""

    health: str
    problem: str


@event("key_rejected", Level.ERROR)
class KeyRejected(EventRecord):
    """GoldRush refuses the ServiceKey."""

    problem: str
