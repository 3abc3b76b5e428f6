"""What keeps the leader from reading GoldRush, for metrics and probes."""

from dataclasses import dataclass

from bot.domain.watch import API_PIPELINE_ID
from bot.monitoring.breaker import ApiHealth, CircuitBreaker
from bot.monitoring.outage import blames_readers
from bot.ports.figures import ApiProblem
from bot.ports.leadership import LeadershipStatus
from bot.state.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTrouble:
    """Only the leader reads, so only its breaker is up to date."""

    repository: Repository
    breaker: CircuitBreaker
    leadership: LeadershipStatus

    def current(self) -> ApiProblem | None:
        """None: the leader can read GoldRush, or another bot leads.

        A new leader needs some reads before its breaker opens. Until then the stored outage counts.
        """
        if not self.leadership.is_leader:
            return None
        if self.breaker.health is ApiHealth.NO_READER:
            return None  # `PollingFigures.unanswered_seconds` says it
        if self.breaker.is_untroubled:
            return None  # the notice of an outage may end a minute after it
        if self.breaker.is_open:
            rejected = self.breaker.health is ApiHealth.KEY_REJECTED
            return ApiProblem(text=f"{self.breaker.health.value}: {self.breaker.problem}", key_rejected=rejected)
        episode = self.repository.record(API_PIPELINE_ID).episode
        if episode is None or not episode.open or blames_readers(episode):
            return None
        return ApiProblem(text=episode.timeline[-1].reason)
