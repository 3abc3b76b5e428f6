"""Distinguishes an outage of the API from a problem of one pipeline. Many failures at once mean an outage."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from bot.domain.observation import PipelineId
from bot.ports.pipeline_api import ApiError, Forbidden, Throttled, Unauthorized

READS = 3  # this many failed reads in a row cast doubt on the API
SECONDS = 10.0  # if reads still fail after this time, the API counts as away
PROBE_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)  # the pauses between probes, which grow
NO_READER = "None of my readers answers. Tell the people who run me to start one."
KEY_PROBE_SECONDS = 60.0  # between probes with a rejected key


class ApiHealth(Enum):
    """The API's health, judged by the last reads."""

    CLEAR = "clear"
    DOUBTFUL = "doubtful"  # several pipelines in a row failed: the bot blames no pipeline for now
    AWAY = "away"
    KEY_REJECTED = "key_rejected"
    WAITING = "waiting"  # GoldRush asked for a wait so long that readings grow older than promised
    NO_READER = "no_reader"  # no process that reads for this one answers: GoldRush itself may be fine


@dataclass(slots=True)
class CircuitBreaker:
    """Judges the API by the result of every read. While it is open, the bot only probes: one read at a time."""

    health: ApiHealth = ApiHealth.CLEAR
    problem: str = ""
    """The last error, in words for the operator."""
    plain: str = ""
    """The same in words for everybody else."""
    until: datetime | None = None
    """When the bot reads again, if GoldRush asked for a wait."""
    answered_again_at: float = float("-inf")
    """When GoldRush, or a reader, answered again after the last trouble, in monotonic seconds."""
    proven: bool = False
    """True once any read has succeeded in this process."""
    _since: float = 0.0
    """When the first of these reads failed, in monotonic seconds."""
    _failed: int = 0
    """The number of failed reads since the last success."""
    _key_refusals: int = 0
    """How many of them refused the key: 401 or 403."""
    _pipelines: set[PipelineId] = field(default_factory=set)
    """The pipelines that they were about."""

    def record_success(self, now: float) -> None:
        """The API answered at `now`: closes the breaker.

        A read for a person says nothing about the readers of the polling.
        """
        if self.health is ApiHealth.NO_READER:
            return
        if self.health not in (ApiHealth.CLEAR, ApiHealth.KEY_REJECTED):  # a key that works again stays good
            self.answered_again_at = now
        self.health, self.problem, self.plain, self.until = ApiHealth.CLEAR, "", "", None
        self.proven = True
        self._failed = self._key_refusals = 0
        self._pipelines.clear()

    def record_rejected_key(self, problem: str, *, plain: str) -> None:
        """Opens after a refused listing, because no single pipeline can cause that."""
        self.health, self.problem, self.plain, self.until = ApiHealth.KEY_REJECTED, problem, plain, None

    def record_wait(self, until: datetime) -> None:
        """Stops all reads until then."""
        if self.health is not ApiHealth.KEY_REJECTED:
            self.health, self.until = ApiHealth.WAITING, until

    def record_no_reader(self) -> None:
        """Opens after a long silence of the processes that read for this one."""
        if not self.is_open:
            self.health, self.problem, self.plain, self.until = ApiHealth.NO_READER, NO_READER, NO_READER, None

    def record_reader(self, now: float) -> None:
        """A reader answered at `now`, in monotonic seconds, whatever it read."""
        if self.health is ApiHealth.NO_READER:
            self.health, self.problem, self.plain, self.answered_again_at = ApiHealth.CLEAR, "", "", now

    def record_failure(self, pipeline_id: PipelineId, error: ApiError, now: float) -> None:
        """A read failed at `now`, in monotonic seconds."""
        if self.health is ApiHealth.NO_READER:
            return
        if self._failed == 0:
            self._since = now
        self._failed += 1
        self._key_refusals += isinstance(error, Unauthorized | Forbidden)
        self._pipelines.add(pipeline_id)
        self.problem, self.plain, self.until = str(error), error.plain, None
        # One pipeline alone may be at fault itself, but never for a 401 or a 429.
        alone = len(self._pipelines) < 2 and not isinstance(error, Unauthorized | Throttled)
        if self._failed < READS or alone:
            return
        if self._key_refusals == self._failed or (isinstance(error, Unauthorized) and len(self._pipelines) < 2):
            self.health = ApiHealth.KEY_REJECTED
        elif now - self._since >= SECONDS:
            self.health = ApiHealth.AWAY
        elif self.health is ApiHealth.CLEAR:
            self.health = ApiHealth.DOUBTFUL

    @property
    def is_untroubled(self) -> bool:
        """True if the last read succeeded: another success changes nothing."""
        return self.health is ApiHealth.CLEAR and self.proven and self._failed == 0 and not self.problem

    @property
    def is_open(self) -> bool:
        """True during an outage of the whole API."""
        return self.health not in (ApiHealth.CLEAR, ApiHealth.DOUBTFUL)

    @property
    def probe_seconds(self) -> float:
        """Seconds between two probes."""
        if self.health is ApiHealth.KEY_REJECTED:
            return KEY_PROBE_SECONDS
        return PROBE_SECONDS[min(max(self._failed - READS, 0), len(PROBE_SECONDS) - 1)]
