"""A month of deployments, pauses and outages: how often *stuck* and *drift* are wrong, missed or late.

By hand: python -m tests.proofs.fleet_deployments --pipelines 300 --days 30 --seed 1

The fleet has pipelines that deploy quickly, slowly and unevenly, and people who pause them for the night. Deployments
begin again, take three times as long, or hang; GoldRush pauses pipelines by itself, or ignores a pause. The bot's own
transitions, plans, intents and checks judge what the readings show.
"""

import argparse
import asyncio
import resource
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import cast

from bot.domain.catalogue import Pipeline
from bot.domain.history import History
from bot.domain.observation import FailedRead, FailedReadKind, Observation, PipelineId, Reading, ReadSequence
from bot.domain.overdue import GRACE
from bot.domain.phase import AT_REST, TRANSIENT, Intent, Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.routing import Routing
from bot.domain.transition import Event, Transition
from bot.domain.watch import ChannelId, TeamId, UserId, Watch
from bot.monitoring.budget import Budget
from bot.monitoring.deployment_checks import DeploymentChecks
from bot.monitoring.intents import Intents
from bot.ports.history_store import HistoryStore
from bot.ports.leadership import LeadershipStatus
from bot.ports.lease_store import Lease
from bot.ports.pipeline_api import PipelineApi, Unavailable
from bot.ports.watch_store import Watches
from bot.state.known_pipelines import KnownPipelines
from bot.state.repository import MakePlan, Repository

START = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
LISTED_EVERY = 300.0
CHECKED_EVERY = 15.0
READ_EVERY = 30.0  # at most, while a pipeline is unsettled
KEPT = 500  # transitions of a history
VISIBLE = 20 * MINUTE  # a problem that could be read for less counts neither way
LONG_HANG = 2 * HOUR  # a hang is longer than any pipeline of this fleet may take


@dataclass(frozen=True, slots=True)
class Truth:
    """What GoldRush's runtime and object say from a moment on."""

    at: float
    phase: Phase
    intent: Intent = Intent.RUNNING
    uid: str = "uid"
    start_time: float = 0.0

    @property
    def contradicts(self) -> bool:
        if self.intent is Intent.RUNNING:
            return self.phase in AT_REST
        return self.phase in {Phase.RUNNING, Phase.DEPLOYING}


@dataclass(frozen=True, slots=True)
class Problem:
    """What somebody should hear of, from its begin to its end."""

    event: Event
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Habit:
    """How the pipelines of one kind deploy."""

    name: str
    share: float
    deploys_a_day: float
    minutes: float
    spread: float
    """Of the logarithm of the minutes."""
    nights: bool = False
    """People pause it every night."""


HABITS = (
    Habit("often", 0.35, 3.0, 3.0, 0.3),
    Habit("daily", 0.25, 1.0, 5.0, 0.4),
    Habit("slow", 0.15, 1.0, 20.0, 0.3),
    Habit("uneven", 0.10, 1.0, 6.0, 0.8),
    Habit("nightly", 0.15, 0.5, 4.0, 0.3, nights=True),
)
HANGS_A_DAY, DRIFTS_A_DAY = 1 / 20, 1 / 30  # a pipeline
OUTAGES_A_DAY, RESTARTS_A_DAY, UNREADABLE_A_DAY = 1 / 3, 2.0, 1 / 10


@dataclass(slots=True)
class Life:
    """One pipeline: everything that happens to it."""

    habit: Habit
    truths: list[Truth]
    problems: list[Problem]

    def at(self, moment: float) -> Truth:
        return self.truths[max(0, bisect_right(self.truths, moment, key=lambda truth: truth.at) - 1)]


class _Author:
    """Writes the life of one pipeline."""

    def __init__(self, habit: Habit, chance: Random, until: float) -> None:
        self._habit, self._chance, self._until = habit, chance, until
        self.truths = [Truth(0.0, Phase.RUNNING)]
        self.problems: list[Problem] = []
        self._uids = count(1)

    def write(self) -> Life:
        habit, chance, now = self._habit, self._chance, chance_offset(self._chance)
        rates = {
            self._deploy: habit.deploys_a_day,
            self._hang: HANGS_A_DAY,
            self._drift_at_rest: DRIFTS_A_DAY / 2,
            self._drift_running: DRIFTS_A_DAY / 2,
            self._pause: 0.2,
            self._night: 1.0 if habit.nights else 0.0,
            self._restart: 0.5,
            self._fail: 0.1,
        }
        while now < self._until:
            now += chance.expovariate(sum(rates.values()) / DAY)
            (happens,) = chance.choices([*rates], [*rates.values()])
            now = happens(now) + 10 * MINUTE
        return Life(habit, self.truths, self.problems)

    def _be(self, at: float, phase: Phase, **more: object) -> float:
        self.truths.append(replace(self.truths[-1], at=at, phase=phase, **more))  # type: ignore[arg-type]
        return at

    def _duration(self) -> float:
        usual = self._habit.minutes * MINUTE * self._chance.lognormvariate(0.0, self._habit.spread)
        return usual * (self._chance.uniform(1.5, 3.0) if self._chance.random() < 0.03 else 1.0)

    def _begin(self, at: float) -> float:
        """The old worker stops, and a new one deploys."""
        at = self._be(at, Phase.STOPPING) + self._chance.uniform(5, 40)
        return self._be(at, Phase.DEPLOYING, uid=f"uid-{next(self._uids)}", start_time=at)

    def _finish(self, at: float) -> float:
        return self._be(at, Phase.RUNNING)

    def _deploy(self, at: float) -> float:
        at = self._begin(at)
        if self._chance.random() < 0.1:  # somebody deploys again before it is live
            at += self._duration() * self._chance.random()
            at = self._be(at, Phase.DEPLOYING, uid=f"uid-{next(self._uids)}", start_time=at)
        return self._finish(at + self._duration())

    def _hang(self, at: float) -> float:
        phase = Phase.DEPLOYING if self._chance.random() < 0.8 else Phase.STOPPING
        at = self._begin(at) if phase is Phase.DEPLOYING else self._be(at, Phase.STOPPING)
        end = at + self._chance.uniform(LONG_HANG, 8 * HOUR)
        self.problems.append(Problem(Event.STUCK, at, end))
        if phase is Phase.DEPLOYING and self._chance.random() < 0.5:
            end = self._be(end, Phase.FAILED) + 20 * MINUTE
        return self._finish(self._begin(end) + self._duration())

    def _drift_at_rest(self, at: float) -> float:
        phase = Phase.PAUSED if self._chance.random() < 0.5 else Phase.STOPPED
        end = self._be(at, phase) + self._chance.uniform(30 * MINUTE, 8 * HOUR)
        self.problems.append(Problem(Event.DRIFT, at, end))
        return self._finish(self._be(end, Phase.DEPLOYING, start_time=end) + self._duration())

    def _drift_running(self, at: float) -> float:
        end = self._be(at, Phase.RUNNING, intent=Intent.PAUSED) + self._chance.uniform(30 * MINUTE, 8 * HOUR)
        self.problems.append(Problem(Event.DRIFT, at, end))
        return self._be(end, Phase.RUNNING, intent=Intent.RUNNING)

    def _pause(self, at: float, lasts: float | None = None) -> float:
        """A person pauses and resumes it. GoldRush takes up to four minutes to follow."""
        at = self._be(at, Phase.RUNNING, intent=Intent.PAUSED) + self._chance.uniform(1, 4 * MINUTE)
        at = self._be(at, Phase.STOPPING) + self._chance.uniform(5, 40)
        at = self._be(at, Phase.PAUSED) + (lasts or self._chance.uniform(MINUTE, 12 * HOUR))
        at = self._be(at, Phase.PAUSED, intent=Intent.RUNNING) + self._chance.uniform(1, 4 * MINUTE)
        at = self._be(at, Phase.DEPLOYING, uid=f"uid-{next(self._uids)}", start_time=at)
        return self._finish(at + self._duration())

    def _night(self, at: float) -> float:
        evening = (at // DAY + 1) * DAY - 4 * HOUR
        return self._pause(max(at, evening), lasts=10 * HOUR)

    def _restart(self, at: float) -> float:
        return self._be(at, Phase.RUNNING, uid=f"uid-{next(self._uids)}", start_time=at)

    def _fail(self, at: float) -> float:
        at = self._be(at, Phase.FAILED) + self._chance.uniform(MINUTE, 4 * HOUR)
        return self._finish(self._be(at, Phase.DEPLOYING, start_time=at) + self._duration())


def chance_offset(chance: Random) -> float:
    return chance.uniform(0, HOUR)


# --- the bot ---------------------------------------------------------------------------------------------------------


class SimulatedClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return moment(self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class FleetRepository(KnownPipelines):
    """Writes to memory. Keeps the history, and counts the findings."""

    def __init__(self) -> None:
        super().__init__(TeamId("T0FLEET"), None)
        self.histories: dict[PipelineId, list[Transition]] = defaultdict(list)
        self.found: list[Transition] = []

    async def write(
        self, pipeline_id: PipelineId, make: MakePlan, routing: object = None, lease: Lease | None = None
    ) -> Plan | None:
        plan = make(self.record(pipeline_id), self.routing(self.pipeline(pipeline_id)))
        if plan is None:
            return None
        self._put(plan.record)
        history = self.histories[pipeline_id]
        history += plan.transitions
        del history[:-KEPT]
        self.found += (one for one in plan.transitions if one.event in {Event.STUCK, Event.DRIFT})
        return plan

    async def history(self, pipeline_id: PipelineId) -> History:
        return History(transitions=tuple(self.histories[pipeline_id]))


@dataclass
class Leading:
    """This bot leads for ever; a restart gives it another token."""

    token: str = "1"

    @property
    def is_leader(self) -> bool:
        return True

    @property
    def lease(self) -> Lease | None:
        return Lease(name="reader", token=self.token, since=START, expires=float("inf"))


@dataclass(slots=True)
class Figures:
    """What the month showed."""

    pipelines: int = 0
    days: float = 0.0
    false: Counter[Event] = field(default_factory=Counter)
    """By kind of finding."""
    missed: Counter[Event] = field(default_factory=Counter)
    problems: Counter[Event] = field(default_factory=Counter)
    delays: dict[Event, list[float]] = field(default_factory=lambda: defaultdict(list))
    intents_read: int = 0
    unexpected: Counter[str] = field(default_factory=Counter)
    """The wrong findings by the habit of the pipeline."""

    def false_a_month(self, event: Event) -> float:
        """Wrong findings for each pipeline and month."""
        return self.false[event] / self.pipelines / self.days * 30

    def delay(self, event: Event, share: float) -> float:
        """From the begin of a problem, in minutes."""
        delays = sorted(self.delays[event])
        return delays[min(len(delays) - 1, int(share * len(delays)))] / MINUTE if delays else 0.0

    def lines(self) -> Iterator[str]:
        yield f"{self.pipelines} pipelines, {self.days:g} days, {self.intents_read} reads of an intent"
        for event in (Event.STUCK, Event.DRIFT):
            yield (
                f"{event.value}: {self.problems[event]} problems, {self.missed[event]} missed, {self.false[event]} "
                f"wrong ({self.false_a_month(event):.4f} a pipeline and month); "
                f"found after {self.delay(event, 0.5):.1f} min (median), {self.delay(event, 0.99):.1f} min (p99)"
            )
        if self.unexpected:
            yield f"wrong by habit: {dict(self.unexpected)}"


class Fleet:
    """A bot that reads a simulated fleet. Also the API by which it reads an intent."""

    def __init__(self, pipelines: int, days: float, seed: int) -> None:
        self._chance = Random(seed)  # noqa: S311 (a simulation)
        self._until = days * DAY
        self.lives = {PipelineId(f"pipe_{number:05}"): self._life() for number in range(pipelines)}
        self.figures = Figures(pipelines=pipelines, days=days)
        self._clock = SimulatedClock()
        self._repository = FleetRepository()
        self._budget = Budget(4.0, self._clock)
        self._leading = Leading()
        self._away = [*self._windows(OUTAGES_A_DAY, 5 * MINUTE, HOUR)]
        self._restarts = [*self._windows(RESTARTS_A_DAY, 5, 5 * MINUTE)]
        self._reads = count(1)
        self._events: list[tuple[float, int, str, PipelineId]] = []
        self._order = count()
        self._begin_again()

    def _life(self) -> Life:
        (habit,) = self._chance.choices(HABITS, [habit.share for habit in HABITS])
        return _Author(habit, Random(self._chance.random()), self._until).write()  # noqa: S311

    def _windows(self, a_day: float, shortest: float, longest: float) -> Iterator[tuple[float, float]]:
        at = 0.0
        while (at := at + self._chance.expovariate(a_day / DAY)) < self._until:
            yield at, (at := at + self._chance.uniform(shortest, longest))

    def _begin_again(self) -> None:
        """A process that knows only what is stored."""
        api = cast("PipelineApi", self)
        repository = cast("Repository", self._repository)
        self._leading = Leading(token=str(next(self._order)))
        self._intents = Intents(api=api, repository=repository, budget=self._budget, clock=self._clock)
        self._checks = DeploymentChecks(
            repository=repository,
            history=cast("HistoryStore", self._repository),
            read_intent=self._intents.read_now,
            clock=self._clock,
            leadership=cast("LeadershipStatus", self._leading),
        )

    # --- GoldRush --------------------------------------------------------------------------------------------------

    def _is_away(self, at: float) -> bool:
        """True if GoldRush does not answer, or no bot runs."""
        return _within(self._away, at) or _within(self._restarts, at)

    async def pipeline(self, pipeline_id: PipelineId) -> Pipeline:
        self.figures.intents_read += 1
        if self._is_away(self._clock.seconds):
            raise Unavailable("503")
        return self._as_listed(pipeline_id, self._clock.seconds)

    def _as_listed(self, pipeline_id: PipelineId, at: float) -> Pipeline:
        return Pipeline(id=pipeline_id, name=pipeline_id, intent=self.lives[pipeline_id].at(at).intent)

    # --- the month -------------------------------------------------------------------------------------------------

    async def run(self) -> Figures:
        watch = Watch(channel=ChannelId("C0FLEET"), reference="pipe_*", made_by=UserId("U0ANN"), made_at=START)
        catalogue = {pipeline_id: self._as_listed(pipeline_id, 0.0) for pipeline_id in self.lives}
        self._repository._put_all((), Watches(1, (watch,)), catalogue)
        for pipeline_id, life in self.lives.items():
            self._plan(self._chance.uniform(0, MINUTE), "read", pipeline_id)
            for truth in life.truths[1:]:
                self._plan(truth.at, "change", pipeline_id)
            if self._chance.random() < UNREADABLE_A_DAY * self._until / DAY:
                self._plan(self._chance.uniform(0, self._until), "unreadable", pipeline_id)
        some = next(iter(self.lives))
        self._plan(LISTED_EVERY, "list", some)
        self._plan(CHECKED_EVERY, "check", some)
        for _, end in self._restarts:
            self._plan(end, "restart", some)
        while self._events and self._events[0][0] < self._until:
            at, _, kind, pipeline_id = heappop(self._events)
            self._clock.seconds = max(at, self._clock.seconds)
            await getattr(self, f"_on_{kind}")(pipeline_id)
        self._judge()
        return self.figures

    def _plan(self, at: float, kind: str, pipeline_id: PipelineId) -> None:
        heappush(self._events, (at, next(self._order), kind, pipeline_id))

    async def _on_change(self, pipeline_id: PipelineId) -> None:
        """The next reading sees it; the one before was a period ago."""
        now, state = self._clock.seconds, self._repository.state_but_time(pipeline_id)
        period = 4.0 if state.phase in TRANSIENT else 30.0
        before = now - self._chance.uniform(0, period)
        if not self._is_away(before) and state.observation and state.observation.observed_at < moment(before):
            self._repository.note_steady(pipeline_id, moment(before), self._sequence())
        self._plan(now + self._chance.uniform(0.1, period), "read", pipeline_id)

    async def _on_read(self, pipeline_id: PipelineId) -> None:
        now = self._clock.seconds
        if self._is_away(now):
            self._plan(now + self._chance.uniform(20, 40), "read", pipeline_id)
            return
        truth, state = self.lives[pipeline_id].at(now), self._repository.state_but_time(pipeline_id)
        seen = state.observation
        if seen and (seen.phase, seen.uid) == (truth.phase, truth.uid) and state.failed_reads == 0:
            self._repository.note_steady(pipeline_id, moment(now), self._sequence())
        else:
            await self._intents.check(pipeline_id, truth.phase)
            ready = int(truth.phase == Phase.RUNNING)
            observation = Observation(
                pipeline_id=pipeline_id,
                sequence=self._sequence(),
                observed_at=moment(now),
                phase=truth.phase,
                replicas=1,
                ready=ready,
                uid=truth.uid,
                start_time=moment(truth.start_time),
                intent=self._repository.pipeline(pipeline_id).intent,
            )
            await self._repository.write(pipeline_id, partial(_with_reading, reading=observation))
        if pipeline_id in self._repository.unsettled:
            self._plan(now + self._chance.uniform(3, READ_EVERY), "read", pipeline_id)

    async def _on_unreadable(self, pipeline_id: PipelineId) -> None:
        """Three reads fail, and the next one, minutes later, does not."""
        for _ in range(3):
            failed = FailedRead(
                pipeline_id=pipeline_id,
                sequence=self._sequence(),
                at=moment(self._clock.seconds),
                kind=FailedReadKind.FAULT,
                reason="500",
            )
            await self._repository.write(pipeline_id, partial(_with_reading, reading=failed))
        self._plan(self._clock.seconds + self._chance.uniform(MINUTE, 20 * MINUTE), "read", pipeline_id)

    async def _on_list(self, _: PipelineId) -> None:
        now = self._clock.seconds
        self._plan(now + LISTED_EVERY, "list", _)
        if self._is_away(now):
            return
        age = self._chance.uniform(0, 2 * LISTED_EVERY) if self._chance.random() < 0.2 else 0.0
        for pipeline_id in self.lives:
            listed = self._as_listed(pipeline_id, max(0.0, now - age))
            if self._repository.pipeline(pipeline_id) != listed:
                self._repository.learn(listed)
                if pipeline_id in self._repository.unsettled:
                    self._plan(now + self._chance.uniform(3, READ_EVERY), "read", pipeline_id)

    async def _on_check(self, _: PipelineId) -> None:
        self._plan(self._clock.seconds + CHECKED_EVERY, "check", _)
        if not _within(self._restarts, self._clock.seconds):
            await self._checks.run()

    async def _on_restart(self, _: PipelineId) -> None:
        self._begin_again()

    def _sequence(self) -> ReadSequence:
        return ReadSequence(1, next(self._reads))

    # --- the judgement ---------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        found: dict[PipelineId, list[Transition]] = defaultdict(list)
        for transition in self._repository.found:
            found[transition.pipeline_id].append(transition)
        for pipeline_id, life in self.lives.items():
            self._judge_one(life, found[pipeline_id])

    def _judge_one(self, life: Life, found: Sequence[Transition]) -> None:
        at = [(transition.event, (transition.at - START).total_seconds()) for transition in found]
        for problem in life.problems:
            end = min(problem.until, self._until)
            if self._visible(problem.since, end) < VISIBLE:
                continue
            self.figures.problems[problem.event] += 1
            alarms = [when for event, when in at if event is problem.event and problem.since <= when <= end + MINUTE]
            if alarms:
                self.figures.delays[problem.event].append(alarms[0] - problem.since)
            else:
                self.figures.missed[problem.event] += 1
        for event, when in at:
            if not self._is_right(life, event, when):
                self.figures.false[event] += 1
                self.figures.unexpected[f"{event.value} {life.habit.name}"] += 1

    def _is_right(self, life: Life, event: Event, when: float) -> bool:
        if any(one.event is event and one.since <= when <= one.until + MINUTE for one in life.problems):
            return True
        grace = GRACE.total_seconds()
        return event is Event.DRIFT and all(
            life.at(moment).contradicts for moment in (when - grace, when - grace / 2, when - READ_EVERY)
        )

    def _visible(self, since: float, until: float) -> float:
        """For how long of this time the bot could read."""
        hidden = sum(max(0.0, min(until, end) - max(since, begin)) for begin, end in (*self._away, *self._restarts))
        return until - since - hidden


def _with_reading(record: Record, routing: Routing, reading: Reading) -> Plan:
    return plan_reading(record, reading, routing, timedelta(minutes=2))


def _within(windows: Sequence[tuple[float, float]], at: float) -> bool:
    place = bisect_right(windows, (at, float("inf"))) - 1
    return place >= 0 and at < windows[place][1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pipelines", type=int, default=300)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    figures = asyncio.run(Fleet(arguments.pipelines, arguments.days, arguments.seed).run())
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("\n".join([*figures.lines(), f"CPU: {used.ru_utime + used.ru_stime:.0f} s"]))  # noqa: T201


if __name__ == "__main__":
    main()
