"""Decides which failures need a diagnosis, or another read of their log. Asks the stored state, so a restart loses
nothing."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from bot.domain.diagnosis import LogFault, LogOutcome
from bot.domain.episode import Episode, open_failure
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.transition import Reach
from bot.domain.watch import API_PIPELINE_ID

LOG_WAITS = (30.0, 120.0, 600.0)  # before each further read of a log that could not be read
OWN_BUDGET_SECONDS = 1.0  # between two attempts to get a request of the bot's own budget: these cost nothing
LOG_AGE = timedelta(hours=1)  # of a diagnosis whose log is still worth another read
MOST_CRASHES = 3
RUNS_AGAIN = frozenset({Phase.DEPLOYING, Phase.RUNNING})


class Need(Enum):
    """What to read."""

    ALL = "all"
    LOG = "log"


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
    phases: set[Phase] = field(default_factory=set)
    """The phases in which the bot asked again for a log that was not there yet."""
    crashes: int = 0


class DiagnosisNeeds:
    """Remembers the attempts of this process; all else is in the records."""

    def __init__(self) -> None:
        self._attempts: dict[PipelineId, _Attempts] = {}

    def of(self, record: Record, at: datetime, now: float, log_at: datetime | None = None) -> Need | None:
        """`at` and `now` are the same moment on both clocks. `log_at`: when a person read the log that is at hand."""
        episode = open_failure(record.episode)
        if episode is None or record.pipeline_id == API_PIPELINE_ID or record.state.reach is Reach.GONE:
            return None
        if episode.end_of_run and record.state.phase != Phase.FAILED:
            return None  # no worker runs, and the log of the next one says nothing about this stop
        known, attempts = episode.diagnosis, self._of(record.pipeline_id, episode)
        if now < attempts.postponed_until or attempts.crashes >= MOST_CRASHES:
            return None
        if known is None or known.began_at != episode.began_at:
            return Need.ALL if known is None or not episode.flapping else None
        if known.log is not LogOutcome.READ and log_at and log_at > known.at and log_at != attempts.log_at:
            return Need.LOG
        if known.log is LogOutcome.NOT_YET:
            phase = record.state.phase
            return Need.LOG if phase in RUNS_AGAIN and phase not in attempts.phases else None
        if known.log is LogOutcome.READ or at - known.at > LOG_AGE:
            return None
        if known.unread is LogFault.TOO_LARGE:
            return None
        if known.unread is LogFault.NOT_ASKED:
            return Need.LOG if now >= attempts.began_last + OWN_BUDGET_SECONDS else None
        due = now >= attempts.log_not_before and attempts.log_reads < len(LOG_WAITS)
        return Need.LOG if due else None

    def began(self, record: Record, need: Need, now: float, log_at: datetime | None = None) -> None:
        """The reads for this need begin."""
        episode = open_failure(record.episode)
        if episode is None:
            return
        attempts = self._of(record.pipeline_id, episode)
        attempts.began_last, attempts.log_at = now, log_at
        if need is Need.LOG:
            counts = not episode.diagnosis or episode.diagnosis.unread is not LogFault.NOT_ASKED
            attempts.log_reads += counts
            if record.state.phase:
                attempts.phases.add(record.state.phase)
        attempts.log_not_before = now + LOG_WAITS[min(attempts.log_reads, len(LOG_WAITS) - 1)]

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
