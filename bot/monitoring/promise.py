"""The promised age of readings: how old they may get, and whether the budget pays for it."""

from datetime import timedelta

from bot.domain.cadence import PROMISED_AT_LEAST_SECONDS, Cadence, EvenPolling, Pace
from bot.domain.observation import PipelineId
from bot.domain.phase import AT_REST, Phase
from bot.monitoring.budget import Budget
from bot.monitoring.due_times import DueTimes
from bot.ports.polling import Lateness
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import PollingSlow
from bot.state.repository import Repository

STABLE_SECONDS = 30.0  # the promise counts as broken, or as kept again, only after this time
GAP_PROMISES = 1.5  # times the promised age of a reading
LONG_PROMISE_SECONDS = 300.0  # the operator hears of a longer promised age
ABOUT = 1.25  # a promised age is about the same up to this factor
LATE_SECONDS = 5.0  # a reading counts as late only if it exceeds its promised age by this


class Promise:
    """Times are in monotonic seconds."""

    def __init__(self, *, repository: Repository, budget: Budget, cadence: Cadence) -> None:
        self._repository = repository
        self._budget = budget
        self._cadence = cadence
        self._shortest_long_gap = timedelta(seconds=GAP_PROMISES * cadence.at_rest_seconds)
        self._is_kept = True
        self._otherwise_since: float | None = None
        self._reported = PROMISED_AT_LEAST_SECONDS
        """The promised age when the operator last heard of it."""
        self._settling = 0.0, float("-inf")
        """The promised age, and since when it is about the same: during a listing the fleet still grows."""

    @property
    def seconds(self) -> float:
        """The greatest age of a reading while all goes well. The same on bots that do not lead."""
        return self._cadence.promised(len(self._repository.pollable), self._budget.full_rate)

    def of(self, pipeline_id: PipelineId, period: float | None) -> float | None:
        """The same for one pipeline, which this bot reads every `period` seconds. None: the bot does not poll it.

        A bot that polls reads most pipelines more often: a reading twice as old as its period shows a standstill.
        """
        if pipeline_id not in self._repository.pollable:
            return None
        promised = self.to(pipeline_id)
        return promised if period is None else min(promised, 2 * max(period, self._cadence.steady_seconds))

    def to(self, pipeline_id: PipelineId) -> float:
        """The same for one pipeline, however often this bot reads it. Pipelines at rest may be read less often."""
        phase = self._repository.state_but_time(pipeline_id).phase
        at_rest = phase is not Phase.RUNNING and phase in AT_REST  # most are running, and hashing a phase takes time
        return self._cadence.promised_at(Pace.AT_REST if at_rest else Pace.STEADY, self.seconds)

    @property
    def long_gap(self) -> timedelta:
        """The shortest time without a reading that cards and answers always name."""
        return timedelta(seconds=GAP_PROMISES * max(self.seconds, self._cadence.at_rest_seconds))

    def is_long_gap(self, between: timedelta) -> bool:
        """True if cards and answers name this time between two readings. Every read asks."""
        return between >= self._shortest_long_gap and between >= self.long_gap

    def gap_from(self, pipeline_id: PipelineId) -> timedelta:
        """The shortest such time before a change. While the promise can't be kept, it is the promised age itself."""
        return self.long_gap if self._is_kept else min(self.long_gap, timedelta(seconds=self.to(pipeline_id)))

    def take_over(self, *, late: bool) -> None:
        """Begins with the verdict of the leader before: a new leader can't tell yet."""
        self._is_kept, self._otherwise_since = not late, None

    def report_slow(self, now: float) -> None:
        """Tells the operator once that so many pipelines share the budget that readings may get old.

        A long promise that the operator chose for a small fleet is no such case.
        """
        polling = EvenPolling(len(self._repository.pollable), self._budget.full_rate)
        seconds = self.seconds if polling.is_slow else PROMISED_AT_LEAST_SECONDS
        if not _is_about(seconds, self._settling[0]):
            self._settling = seconds, now
        if now - self._settling[1] < STABLE_SECONDS or _is_about(seconds, self._reported):
            return
        self._reported = seconds
        if seconds > LONG_PROMISE_SECONDS:
            emit(
                PollingSlow(
                    pipelines=polling.pipelines,
                    requests_per_second=polling.requests_per_second,
                    each_read_every_seconds=round(polling.period_seconds),
                    promised_seconds=round(seconds),
                    fix=f"PIPELINE_BOT_REQUESTS_PER_SECOND={polling.sufficient_rate} would make it 60 s",
                )
            )

    def judge(self, due: DueTimes, now: float) -> None:
        """Runs every second while GoldRush can be read."""
        is_kept = due.affordable and not due.is_any_late(now - LATE_SECONDS)
        if is_kept is self._is_kept:
            self._otherwise_since = None
        elif self._otherwise_since is None:
            self._otherwise_since = now
        elif now - self._otherwise_since >= STABLE_SECONDS:
            self._is_kept, self._otherwise_since = is_kept, None

    def lateness(self, due: DueTimes, now: float) -> Lateness | None:
        """None while readings are as fresh as promised."""
        return None if self._is_kept else Lateness(promised=self.seconds, oldest=due.oldest_age(now))


def _is_about(seconds: float, others: float) -> bool:
    return max(seconds, others) <= ABOUT * min(seconds, others)
