"""Decides which failures need a diagnosis, or another read of their log. Asks the stored state, so a restart loses
nothing."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from bot.domain.diagnosis import Diagnosis, LeftOut, LogFault, LogOutcome
from bot.domain.episode import Episode, diagnosable
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.transition import Reach
from bot.domain.watch import API_PIPELINE_ID

LOG_WAITS = (30.0, 120.0, 600.0)  # before each further read of a log, or a configuration, that could not be read
BETWEEN_SECONDS = 1.0  # between two attempts for one failure: an attempt may fail before it sends a request
LONGEST_PAST_WAIT = 600.0  # between two attempts to read from a Redis that does not answer
LOG_AGE = timedelta(hours=1)  # of a diagnosis whose log is still worth another read
ENDED_FOR = timedelta(minutes=10)  # so long the log of a new worker may explain a failure that recovered
MOST_CRASHES = 3
RUNS_AGAIN = frozenset({Phase.DEPLOYING, Phase.RUNNING})


class Need(Enum):
    """What to read."""

    ALL = "all"
    LOG = "log"
    """The log, and every other part that was left out."""
    LEFT_OUT = "left_out"
    """Every part that was left out, without the log."""


@dataclass(slots=True, kw_only=True)
class _Attempts:
    """What this process did for one failure. All moments are in monotonic seconds."""

    began_at: datetime
    postponed_until: float = float("-inf")
    """No attempt before: the store could not take the last one's result."""
    log_not_before: float = float("-inf")
    """When to read a log again that could not be read."""
    began_last: float = float("-inf")
    log_at: datetime | None = None
    """The read by a person that the last attempt used."""
    log_reads: int = 0
    """How often it was read again."""
    changes_not_before: float = float("-inf")
    """When to read a configuration again that GoldRush did not give."""
    changes_reads: int = 0
    """How often GoldRush did not give it."""
    read: set[LeftOut] = field(default_factory=set)
    """The parts that GoldRush or Redis answered with nothing to store."""
    past_tries: int = 0
    """How often Redis did not answer."""
    past_not_before: float = float("-inf")
    phases: set[Phase] = field(default_factory=set)
    """The phases in which the bot asked again for a log that was not there yet."""
    crashes: int = 0


class DiagnosisNeeds:
    """Remembers the attempts of this process; all else is in the records."""

    def __init__(self) -> None:
        self._attempts: dict[PipelineId, _Attempts] = {}

    def of(self, record: Record, at: datetime, now: float, log_at: datetime | None = None) -> Need | None:
        """`at` and `now` are the same moment on both clocks. `log_at`: when a person read the log that is at hand."""
        episode = diagnosable(record.episode)
        if episode is None or record.pipeline_id == API_PIPELINE_ID or record.state.reach is Reach.GONE:
            return None
        if episode.end_of_run and record.state.phase != Phase.FAILED:
            return None  # no worker runs, and the log of the next one says nothing about this stop
        if episode.closed_at and at - episode.closed_at > ENDED_FOR:
            return None
        known, attempts = episode.diagnosis, self._of(record.pipeline_id, episode)
        if now < attempts.postponed_until or attempts.crashes >= MOST_CRASHES:
            return None
        if known is None or known.began_at != episode.began_at:
            return Need.ALL if known is None or not episode.flapping else None
        if now < attempts.began_last + BETWEEN_SECONDS:
            return None
        if _needs_log(known, attempts, record.state.phase, at=at, now=now, log_at=log_at):
            return Need.LOG
        left_out = set(known.left_out) - attempts.read
        if LeftOut.PAST in left_out and now >= attempts.past_not_before:
            return Need.LEFT_OUT
        if now < max(attempts.changes_not_before, attempts.past_not_before) or attempts.changes_reads > len(LOG_WAITS):
            left_out.discard(LeftOut.CHANGES)
        return Need.LEFT_OUT if left_out - {LeftOut.PAST} and at - known.at <= LOG_AGE else None

    def began(self, record: Record, now: float, log_at: datetime | None = None) -> None:
        """The reads for this failure begin."""
        if episode := diagnosable(record.episode):
            attempts = self._of(record.pipeline_id, episode)
            if attempts.began_last == float("-inf"):
                attempts.log_not_before = now + LOG_WAITS[0]
            attempts.began_last, attempts.log_at = now, log_at

    def asked_for_log(self, record: Record) -> None:
        """GoldRush got another request for the log."""
        if episode := diagnosable(record.episode):
            attempts = self._of(record.pipeline_id, episode)
            attempts.log_reads += 1
            attempts.log_not_before = attempts.began_last + LOG_WAITS[min(attempts.log_reads, len(LOG_WAITS) - 1)]
            if record.state.phase:
                attempts.phases.add(record.state.phase)

    def past_is_away(self, pipeline_id: PipelineId, now: float) -> None:
        """Redis did not answer: the next attempt waits twice as long."""
        if attempts := self._attempts.get(pipeline_id):
            attempts.past_tries += 1
            attempts.past_not_before = now + min(LONGEST_PAST_WAIT, 2.0**attempts.past_tries)

    def configuration_failed(self, pipeline_id: PipelineId, now: float) -> None:
        """GoldRush gave no configuration."""
        if attempts := self._attempts.get(pipeline_id):
            attempts.changes_not_before = now + LOG_WAITS[min(attempts.changes_reads, len(LOG_WAITS) - 1)]
            attempts.changes_reads += 1

    def read(self, pipeline_id: PipelineId, parts: AbstractSet[LeftOut]) -> None:
        """These parts were read, and add nothing to the stored diagnosis."""
        if attempts := self._attempts.get(pipeline_id):
            attempts.read |= parts

    def postpone(self, pipeline_id: PipelineId, until: float) -> None:
        """The store could not take the result."""
        if attempts := self._attempts.get(pipeline_id):
            attempts.postponed_until = until

    def crashed(self, pipeline_id: PipelineId) -> None:
        if attempts := self._attempts.get(pipeline_id):
            attempts.crashes += 1

    def keep(self, pipeline_ids: AbstractSet[PipelineId]) -> None:
        """Forgets all other pipelines: their failures are over."""
        for pipeline_id in self._attempts.keys() - pipeline_ids:
            del self._attempts[pipeline_id]

    def _of(self, pipeline_id: PipelineId, episode: Episode) -> _Attempts:
        attempts = self._attempts.get(pipeline_id)
        if attempts is None or attempts.began_at != episode.began_at:
            attempts = self._attempts[pipeline_id] = _Attempts(began_at=episode.began_at)
        return attempts


def _needs_log(
    known: Diagnosis, attempts: _Attempts, phase: Phase | None, *, at: datetime, now: float, log_at: datetime | None
) -> bool:
    if known.log is LogOutcome.READ:
        return False
    if log_at and log_at > known.read_log_at and log_at != attempts.log_at:
        return True
    if known.log is LogOutcome.NOT_YET:
        return phase in RUNS_AGAIN and phase not in attempts.phases
    if at - known.read_log_at > LOG_AGE or known.unread is LogFault.TOO_LARGE:
        return False
    if known.unread is LogFault.NOT_ASKED:
        return True
    return now >= attempts.log_not_before and attempts.log_reads < len(LOG_WAITS)
