"""What the bot found out about one failure, beside its phase: the log, the measurements, the destination. Pure.

The fields are stored in Redis, so a new field needs a default. All text in them is redacted before it gets here.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.causes import UNKNOWN, cause_named
from bot.domain.configuration import ConfigurationChange
from bot.domain.log_lines import Excerpt
from bot.domain.measurement import DestinationHealth, Measurement
from bot.domain.seen_before import SeenBefore


class LogOutcome(StrEnum):
    """What reading the log gave. The values are part of stored rows."""

    READ = "read"
    NOT_YET = "not_yet"
    """GoldRush has no log of this worker yet: the bot asks again when the pipeline runs."""
    UNREADABLE = "unreadable"


class LogFault(StrEnum):
    """Why a log is unreadable. The values are part of stored rows."""

    FAILED = "failed"
    """GoldRush gave no usable answer: another try may help."""
    NOT_ASKED = "not_asked"
    """The bot's own budget had no request free: it asks as soon as there is one."""
    TOO_LARGE = "too_large"
    """No further try helps."""


class LeftOut(StrEnum):
    """A part that the bot asks for later. The values are part of stored rows."""

    METRICS = "metrics"
    HEALTH = "health"
    CHANGES = "changes"
    """The configuration, also if GoldRush gave no answer."""
    PAST = "past"
    """Earlier failures: Redis did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The answer to "what failed, and why" for one failure of an episode. A part that was not read is None."""

    at: datetime
    began_at: datetime
    """`Episode.began_at` of the failure: a failure that comes back gets a diagnosis of its own."""
    log: LogOutcome
    problem: str = ""
    """Why the log could not be read, in words for people."""
    unread: LogFault = LogFault.FAILED
    """Only with `LogOutcome.UNREADABLE`."""
    log_at: datetime | None = None
    """When the bot read the log, if another part came later. None: `at`."""
    left_out: tuple[LeftOut, ...] = ()
    """Beside the log: the bot's own budget had no request free, or Redis was away."""
    cause: str = ""
    """The slug of a `Cause`. Empty: no log line names an error."""
    fingerprint: str = ""
    """Of the error. Empty: there is none."""
    excerpt: Excerpt | None = None
    pods: int = 0
    """How many replicas have a log. 0: unknown."""
    pods_alike: int = 0
    """How many other replicas end with the same error."""
    measured: Measurement | None = None
    earlier: Measurement | None = None
    """A measurement from before the failure, to compare with."""
    health: DestinationHealth | None = None
    unhealthy_since: datetime | None = None
    """The first probe in a row that failed, as far as the bot read them."""
    changes: tuple[ConfigurationChange, ...] = ()
    """What somebody changed within 24 hours before the failure, newest first."""
    compared_since: datetime | None = None
    """`changes` has all since then: an answer from after the failure was compared. None: some may be missing."""
    seen: SeenBefore | None = None
    """The latest earlier failure with the same error."""

    @property
    def cause_words(self) -> str:
        """Such as `the destination cannot be reached`. Empty if the cause is unknown."""
        cause = cause_named(self.cause)
        return "" if cause is UNKNOWN else cause.words

    @property
    def shortened(self) -> "Diagnosis":
        """What the record of a failure that is long over keeps. Its card has the whole diagnosis."""
        return Diagnosis(
            at=self.at,
            began_at=self.began_at,
            log=self.log,
            log_at=self.log_at,
            unread=self.unread,
            cause=self.cause,
            fingerprint=self.fingerprint,
        )

    @property
    def read_log_at(self) -> datetime:
        return self.log_at or self.at

    def adds_to(self, known: "Diagnosis") -> bool:
        """True if it says more about the same failure than `known`, which is stored: then it is worth an update."""
        settled = LeftOut.CHANGES in known.left_out and LeftOut.CHANGES not in self.left_out
        return settled or self.adds_lines_to(known)

    def adds_lines_to(self, known: "Diagnosis") -> bool:
        """True if the thread should have it too: not if it only settles that nobody changed anything."""
        measured = self.measured is not None and known.measured is None
        probed = self.health is not None and known.health is None
        recalled = (self.changes, self.seen) != (known.changes, known.seen)
        caught_up = len(self.left_out) < len(known.left_out) and (measured or probed or recalled)
        return known.began_at != self.began_at or caught_up or self.adds_log_to(known)

    def adds_log_to(self, known: "Diagnosis") -> bool:
        if known.log is LogOutcome.NOT_YET:  # the log of a new worker may say nothing about the failure
            return self.log is LogOutcome.READ and self.excerpt is not None and bool(self.excerpt.error)
        asked_first = known.unread is LogFault.NOT_ASKED and self.unread is not LogFault.NOT_ASKED
        return known.log is LogOutcome.UNREADABLE and (self.log is LogOutcome.READ or asked_first)
