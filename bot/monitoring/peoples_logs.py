"""Logs for people who ask this process. The leader reads them, so that everyone who asks shares its answers."""

from bot.domain.diagnosis import LogOutcome
from bot.domain.observation import PipelineId
from bot.monitoring.details_reader import DetailsReader
from bot.monitoring.follower_reads import FollowerReads
from bot.monitoring.within import within
from bot.ports.clock import Clock
from bot.ports.details_reads import LogAnswer
from bot.ports.leader import LeaderSilent
from bot.ports.leadership import LeadershipStatus
from bot.ports.status_reads import NO_ANSWER
from bot.ports.store_errors import StoreAway

ANSWER_SECONDS = 7.0  # shorter than another process waits for the leader


class LocalLogs:
    """Implements `LogReads` in a process that reads GoldRush."""

    def __init__(self, details: DetailsReader, clock: Clock) -> None:
        self._details = details
        self._clock = clock

    async def logs(self, pipeline_id: PipelineId) -> LogAnswer:
        found = await within(self._clock, ANSWER_SECONDS, self._details.logs(pipeline_id))
        if found is None:
            return LogAnswer(at=self._clock.now(), problem=_sentence(NO_ANSWER))
        return LogAnswer(
            at=found.at,
            pods=found.pods,
            not_yet=found.outcome is LogOutcome.NOT_YET,
            problem=found.problem or None,
            unread=found.unread,
        )


class SharedLogs:
    """Implements `LogReads` in every process. `own` is None in one that doesn't read GoldRush."""

    def __init__(
        self, *, own: LocalLogs | None, follower: FollowerReads, leadership: LeadershipStatus, clock: Clock
    ) -> None:
        self._own = own
        self._follower = follower
        self._leadership = leadership
        self._clock = clock

    async def logs(self, pipeline_id: PipelineId) -> LogAnswer:
        if self._own and self._leadership.is_leader:
            return await self._own.logs(pipeline_id)
        try:
            return await self._follower.ask_for_logs(pipeline_id)
        except (LeaderSilent, StoreAway) as exc:
            if self._own and self._follower.nobody_polls:  # then nobody else spends the budget
                return await self._own.logs(pipeline_id)
            return LogAnswer(at=self._clock.now(), problem=_sentence(self._follower.why(exc)))


def _sentence(words: str) -> str:
    words = f"{words[0].upper()}{words[1:]}"
    return words if words.endswith(".") else f"{words}."
