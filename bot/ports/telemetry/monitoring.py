"""Records of reading GoldRush, the platform that runs the pipelines: polls, transitions and outages of its API.

In every record, `error` is the exception's class and `problem` its text.
"""

from datetime import datetime
from enum import StrEnum

from bot.ports.telemetry import EventRecord, Level, event


class ReadOutcome(StrEnum):
    """How a read ended: `ok`, or the kind of its `ApiError`."""

    OK = "ok"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    MALFORMED = "malformed"


@event("polling_started", Level.INFO)
class PollingStarted(EventRecord):
    """This bot became the leader and polls."""

    pipelines: int


@event("polling_slow", Level.WARNING)
class PollingSlow(EventRecord):
    """So many pipelines share the budget that a reading may get older than five minutes."""

    pipelines: int
    requests_per_second: float
    each_read_every_seconds: int
    promised_seconds: int
    """The greatest age of a reading that the bot promises."""
    fix: str
    """The setting to change."""


@event("was_blind", Level.WARNING)
class WasBlind(EventRecord):
    """For a while no bot recorded a heartbeat. Changes that began and ended in that time may have been missed."""

    since: datetime
    """The last heartbeat."""
    seconds: float
    """The time since then."""


@event("transition", Level.INFO)
class TransitionDetected(EventRecord):
    """A pipeline changed."""

    pipeline: str
    became: str
    """The new state, as a value of `Event`, such as `failed`."""
    phase: str | None
    """GoldRush's phase of the pipeline, as last read. None if it was never read."""
    reason: str | None = None
    """The text of the last error, if the pipeline became `unreachable` or `gone`."""


@event("read", Level.DEBUG)
class ReadEnded(EventRecord):
    """One read of a pipeline ended, with a status or an error."""

    pipeline: str
    outcome: str
    """A value of `ReadOutcome`."""
    seconds: float


@event("read_failed", Level.INFO)
class ReadFailed(EventRecord):
    """A read of one pipeline failed."""

    pipeline: str
    error: str
    problem: str
    reason: str
    """A value of `FailedReadKind` if the failure counts against the pipeline; of `Excuse` if it counts against none."""


@event("reads_lost", Level.WARNING)
class ReadsLost(EventRecord):
    """Readers in other processes did not answer in time. The bot reads these pipelines again."""

    reads: int


@event("read_crashed", Level.ERROR)
class ReadCrashed(EventRecord):
    """A bug ended a read."""

    exception: BaseException
    pipeline: str | None = None


@event("listing_failed", Level.INFO)
class ListingFailed(EventRecord):
    """The bot could not read the list of all pipelines. It keeps the last one."""

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
    """GoldRush refuses the ServiceKey, the credential that the bot sends with every request."""

    problem: str


@event("measuring_slow", Level.WARNING)
class MeasuringSlow(EventRecord):
    """So many pipelines run that a tenth of the budget measures each less often than wanted, or only some of them."""

    pipelines: int
    measured: int
    each_measured_every_seconds: int


@event("usage_unknown", Level.WARNING)
class UsageUnknown(EventRecord):
    """GoldRush did not tell the account's usage. `/pipeline credits` shows the last known one, or says why."""

    problem: str


@event("chains_unknown", Level.WARNING)
class ChainsUnknown(EventRecord):
    """GoldRush did not tell how far it has synced the chains. Until it does, lag is the delay of each pipeline."""

    problem: str
