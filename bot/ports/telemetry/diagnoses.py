"""Records of finding out why a pipeline failed."""

from enum import StrEnum

from bot.ports.telemetry import EventRecord, Level, event


class Endpoint(StrEnum):
    """What GoldRush tells about a pipeline beside its phase. The values are labels of a metric."""

    LOGS = "logs"
    METRICS = "metrics"
    HEALTH = "destination_health"
    CONFIGURATION = "pipeline"


@event("diagnosed", Level.INFO)
class Diagnosed(EventRecord):
    """A failure's cards got what the bot found out about it."""

    pipeline: str
    log: str
    """A value of `LogOutcome`: whether the log could be read."""
    cause: str | None
    """The slug of the cause. None: no text names an error."""
    seconds: float
    """From the begin of the reads until the result was stored."""


@event("details_read", Level.DEBUG)
class DetailsRead(EventRecord):
    """One read of a log, of metrics, of a destination's health or of a configuration ended."""

    pipeline: str
    endpoint: str
    """A value of `Endpoint`."""
    outcome: str
    """A value of `ReadOutcome`."""


@event("details_unread", Level.INFO)
class DetailsUnread(EventRecord):
    """A log, metrics, a destination's health or a configuration could not be read."""

    pipeline: str
    endpoint: str
    error: str
    problem: str


@event("diagnosis_crashed", Level.WARNING)
class DiagnosisCrashed(EventRecord):
    """A bug ended a diagnosis, or left a part of it out."""

    pipeline: str
    exception: Exception
