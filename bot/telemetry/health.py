"""Says what is wrong with this process: the probes `/livez` and `/readyz`, and the metric of problems, show it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.ports.figures import PollingFigures
from bot.ports.telemetry import EventRecord, Level
from bot.ports.telemetry.process import Ready
from bot.ports.telemetry.slack import SlackAway, SlackTokenAccepted, SlackTokenRefused
from bot.ports.telemetry.store import MigrationWaits, StoreUnreachable
from bot.telemetry.sources import Sources

NOBODY_READS_SECONDS = 60.0  # without a heartbeat; the bot that polls records one every 2 s
STANDSTILL_RATIO = 2.0  # times the promised age: if even the newest reading is older, nothing is read
WATCHDOG_SECONDS = 30.0  # it runs twice a second


class Check(StrEnum):
    """One thing that can be wrong."""

    STARTED = "started"
    SLACK = "slack"
    TOKEN = "token"  # noqa: S105 (no secret)
    STORE = "store"
    READS = "reads"
    SCHEDULER = "scheduler"
    ROLES = "roles"
    KEY = "key"
    GOLDRUSH = "goldrush"
    WATCHDOG = "watchdog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The problems at one moment, by check. Problems make the process not ready; warnings don't."""

    problems: Mapping[Check, str]
    warnings: Mapping[Check, str]
    polling: PollingFigures | None = None
    """What the judgement is based on. None: this process does not poll."""


@dataclass(slots=True)
class HealthMonitor:
    """Judges this process by its sources and by the event records that it emits."""

    sources: Sources
    _reported: dict[Check, str] = field(default_factory=lambda: {Check.STARTED: "still starting"})
    """The problems that event records reported."""

    def on_record(self, record: EventRecord) -> None:
        """Subscribes to event records."""
        if record.level is Level.DEBUG:  # thousands a second, and none of them a problem
            return
        match record:
            case Ready():
                self._reported.pop(Check.STARTED, None)
            case SlackTokenRefused(error=error):
                self._reported[Check.TOKEN] = f"Slack refuses the bot token ({error})"
            case SlackTokenAccepted():
                self._reported.pop(Check.TOKEN, None)
            case SlackAway(problem=problem):
                self._wait_for("Slack", problem)
            case StoreUnreachable(problem=problem):
                self._wait_for("Redis", problem)
            case MigrationWaits():
                self._wait_for("a bot of an older version", "it still runs, so stop it")
            case _:
                pass

    def _wait_for(self, name: str, problem: str) -> None:
        if Check.STARTED in self._reported:
            self._reported[Check.STARTED] = f"waiting for {name}: {problem}"

    async def health(self) -> Health:
        """A process that does not poll is ready even if nobody polls. Problems of GoldRush or of other processes are
        warnings."""
        sources = self.sources
        found, polling = dict(self._reported), sources.polling() if sources.polling else None
        found |= dict(self._seen(polling))
        if sources.store_problem and (problem := await sources.store_problem()):
            found[Check.STORE] = problem
        harmless = {Check.KEY, Check.GOLDRUSH, Check.ROLES} | (set() if sources.polling else {Check.READS})
        return Health(
            problems={check: text for check, text in found.items() if check not in harmless},
            warnings={check: text for check, text in found.items() if check in harmless},
            polling=polling,
        )

    def _seen(self, polling: PollingFigures | None) -> Iterator[tuple[Check, str]]:
        sources = self.sources
        if sources.hears_slack and not sources.hears_slack():
            yield Check.SLACK, "no connection from Slack is open: commands and clicks are lost"
        if sources.reader_problem and (problem := sources.reader_problem()):
            yield Check.SCHEDULER, problem
        if sources.roles_problem and (problem := sources.roles_problem()):
            yield Check.ROLES, problem
        api_problem = sources.api_problem() if sources.api_problem else None
        if api_problem:
            yield Check.KEY if api_problem.key_rejected else Check.GOLDRUSH, api_problem.text
        if sources.heartbeat_age:
            age = sources.heartbeat_age()
            if age is None:
                yield Check.READS, "no bot has read the pipelines yet"
            elif age > NOBODY_READS_SECONDS:
                yield Check.READS, f"no bot has read the pipelines for {age:.0f} s"
            elif polling and polling.unanswered_seconds:
                yield (
                    Check.READS,
                    f"no process with the role reader has answered for {polling.unanswered_seconds:.0f} s",
                )
            elif not api_problem and polling and (standstill := _standstill(polling)):
                yield Check.READS, standstill

    def stall(self) -> str | None:
        """Why a restart would help; None if the process is live. Answering at all shows that the event loop runs."""
        age = self.sources.watchdog_age() if self.sources.watchdog_age else 0.0
        return f"the watchdog has not run for {age:.0f} s" if age > WATCHDOG_SECONDS else None


def _standstill(polling: PollingFigures) -> str | None:
    """This process leads, but no read succeeds, although GoldRush is not known to be away."""
    if not polling.lateness or min(polling.lateness) <= STANDSTILL_RATIO:
        return None
    return f"no read of any pipeline has succeeded for {min(polling.ages):.0f} s"
