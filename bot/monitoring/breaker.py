"""Distinguishes an outage of the API from a problem of one pipeline. Many failures at once mean an outage."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from bot.domain.observation import PipelineId
from bot.ports.pipeline_api import ApiError, Forbidden, Throttled, Unauthorized

READS = 3
SECONDS = 10.0
PROBE_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)
KEY_PROBE_SECONDS = 60.0


class ApiHealth(Enum):
    """The API's health, judged by the last reads."""

    CLEAR = "clear"
    DOUBTFUL = "doubtful"  # several pipelines in a row failed: the bot blames no pipeline for now
    AWAY = "away"
    KEY_REJECTED = "key_rejected"
    WAITING = "waiting"  # GoldRush asked for a wait so long that readings grow older than promised


@dataclass(slots=True)
class CircuitBreaker:
    """Takes the result of every read, on the monotonic clock. Open: the bot only probes, one read at a time."""

    health: ApiHealth = ApiHealth.CLEAR
    problem: str = ""
    until: datetime | None = None
    """When the bot reads again, if GoldRush asked for a wait."""
    proven: bool = False
    """True once any read has succeeded in this process."""
    _since: float = 0.0
    _failed: int = 0
    _credential: int = 0
    _pipelines: set[PipelineId] = field(default_factory=set)

    def record_success(self) -> None:
        self.health, self.problem, self.until = ApiHealth.CLEAR, "", None
        self.proven = True
        self._failed = self._credential = 0
        self._pipelines.clear()

    def record_rejected_key(self, problem: str) -> None:
        """Opens after a refused listing, because no single pipeline can cause that."""
        self.health, self.problem, self.until = ApiHealth.KEY_REJECTED, problem, None

    def record_wait(self, until: datetime) -> None:
        """Stops all reads until then."""
        if self.health is not ApiHealth.KEY_REJECTED:
            self.health, self.until = ApiHealth.WAITING, until

    def record_failure(self, pipeline_id: PipelineId, error: ApiError, now: float) -> None:
        if self._failed == 0:
            self._since = now
        self._failed += 1
        self._credential += isinstance(error, Unauthorized | Forbidden)
        self._pipelines.add(pipeline_id)
        self.problem, self.until = str(error), None
        # One pipeline alone may be at fault itself, but never for a 401 or a 429.
        alone = len(self._pipelines) < 2 and not isinstance(error, Unauthorized | Throttled)
        if self._failed < READS or alone:
            return
        if self._credential == self._failed or (isinstance(error, Unauthorized) and len(self._pipelines) < 2):
            self.health = ApiHealth.KEY_REJECTED
        elif now - self._since >= SECONDS:
            self.health = ApiHealth.AWAY
        elif self.health is ApiHealth.CLEAR:
            self.health = ApiHealth.DOUBTFUL

    @property
    def is_open(self) -> bool:
        return self.health in {ApiHealth.AWAY, ApiHealth.KEY_REJECTED, ApiHealth.WAITING}

    @property
    def probe_seconds(self) -> float:
        """Seconds between two probes."""
        if self.health is ApiHealth.KEY_REJECTED:
            return KEY_PROBE_SECONDS
        return PROBE_SECONDS[min(max(self._failed - READS, 0), len(PROBE_SECONDS) - 1)]
