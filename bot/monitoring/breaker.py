"""Whether the API as a whole can be seen: many pipelines that cannot be read at once are one trouble, not many."""

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
    """How the last reads went."""

    CLEAR = "clear"
    DOUBTFUL = "doubtful"  # several pipelines in a row failed: no pipeline is blamed for now
    AWAY = "away"
    KEY_REJECTED = "key_rejected"
    WAITING = "waiting"  # GoldRush asked to wait for so long that readings grow older than promised


@dataclass(slots=True)
class CircuitBreaker:
    """Fed with every read's fate, on the monotonic clock."""

    view: ApiHealth = ApiHealth.CLEAR
    problem: str = ""
    until: datetime | None = None
    """When the bot reads again, if GoldRush asked for a wait."""
    proven: bool = False
    """Whether any read has succeeded since this process began."""
    _since: float = 0.0
    _failed: int = 0
    _credential: int = 0
    _pipelines: set[PipelineId] = field(default_factory=set)

    def succeeded(self) -> None:
        self.view, self.problem, self.until = ApiHealth.CLEAR, "", None
        self.proven = True
        self._failed = self._credential = 0
        self._pipelines.clear()

    def key_rejected(self, problem: str) -> None:
        """The listing was refused: that is never a pipeline's fault."""
        self.view, self.problem, self.until = ApiHealth.KEY_REJECTED, problem, None

    def waiting(self, until: datetime) -> None:
        """Nothing is read until then."""
        if self.view is not ApiHealth.KEY_REJECTED:
            self.view, self.until = ApiHealth.WAITING, until

    def failed(self, pipeline_id: PipelineId, error: ApiError, now: float) -> None:
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
            self.view = ApiHealth.KEY_REJECTED
        elif now - self._since >= SECONDS:
            self.view = ApiHealth.AWAY
        elif self.view is ApiHealth.CLEAR:
            self.view = ApiHealth.DOUBTFUL

    @property
    def lost(self) -> bool:
        return self.view in {ApiHealth.AWAY, ApiHealth.KEY_REJECTED, ApiHealth.WAITING}

    @property
    def probe_seconds(self) -> float:
        """How long to wait between two reads while nothing can be seen."""
        if self.view is ApiHealth.KEY_REJECTED:
            return KEY_PROBE_SECONDS
        return PROBE_SECONDS[min(max(self._failed - READS, 0), len(PROBE_SECONDS) - 1)]
