"""When a deployment or a stop takes longer than usual, and when a phase contradicts what its owner wants. Pure.

The usual durations come from the pipeline's own history. A duration counts only if the readings around its begin and
end were close: after an outage nobody knows how long a phase lasted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from bot.domain.catalogue import Pipeline
from bot.domain.phase import AT_REST, TRANSIENT, Intent, Phase
from bot.domain.transition import PHASE_EVENTS, Event, PipelineFinding, PipelineState, Reach, Transition

GRACE = timedelta(minutes=5)  # for a contradiction between phase and intent
FLOOR = timedelta(minutes=10)  # above the slowest one
FEW_FLOOR, TIMES_FEW = timedelta(minutes=30), 3  # while fewer than `FEWEST` durations are known
WITHOUT_HISTORY = timedelta(hours=1)  # some pipelines take half an hour to deploy
UNEVEN = timedelta(hours=1)  # uneven durations lengthen the limit up to here
FEWEST = 5
MOST = 50  # durations, the latest ones: habits change
TIMES_SLOWEST = 2
MARGIN = 10  # of the factor: the fewer durations are known, the less sure is the slowest one
LATEST, OFTEN_STUCK = 10, 3  # so many stuck ones of the latest are usual
PATIENCE = 3  # a deployment that restarts over and over is stuck after so many times the limit
UNCERTAIN = timedelta(minutes=1)  # between two readings: a duration may be off by that


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualDuration:
    """How long something took so far."""

    middle: timedelta
    """The median."""
    slowest: timedelta
    """Only one in twenty took longer."""
    number: int
    """How many are known."""

    @property
    def is_known(self) -> bool:
        """True if people may rely on it."""
        return self.number >= FEWEST


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualDurations:
    """The usual durations of one pipeline. None: no duration is known."""

    deploying: UsualDuration | None = None
    """From the begin of a deployment to RUNNING."""
    to_live: UsualDuration | None = None
    stopping: UsualDuration | None = None

    def of(self, phase: Phase | None) -> UsualDuration | None:
        return {Phase.DEPLOYING: self.deploying, Phase.STOPPING: self.stopping}.get(phase) if phase else None


UNKNOWN = UsualDurations()


_STARTS = frozenset({Event.DEPLOYING, Event.RESTARTED})
_UNSEEN = frozenset({Event.UNREACHABLE, Event.GONE, Event.UNWATCHED})


@dataclass(slots=True)
class _Stopwatch:
    """Collects the durations of one kind from transitions in their order."""

    begins: frozenset[Event]
    ends: frozenset[Event]
    passes: frozenset[Event] = frozenset()
    """The phases in between."""
    taken: list[timedelta] = field(default_factory=list)
    stuck: list[bool] = field(default_factory=list)
    begun_at: datetime | None = None
    is_stuck: bool = False

    def take(self, change: Transition) -> None:
        event = change.event
        if event in self.ends and self.begun_at is not None and _is_exact(change):
            self.taken.append(change.at - self.begun_at)
            self.stuck.append(self.is_stuck)
        if event in self.begins and not (event is Event.RESTARTED and change.phase != Phase.DEPLOYING):
            self.begun_at, self.is_stuck = change.at if _is_exact(change) else None, False
        elif event is Event.STUCK:
            self.is_stuck = True
        elif event in PHASE_EVENTS - self.passes or event in self.ends | _UNSEEN:
            self.begun_at = None

    def usual(self) -> UsualDuration | None:
        """Leaves out what was stuck, unless that happens often."""
        is_usual = sum(self.stuck[-LATEST:]) >= OFTEN_STUCK
        counting = [one for one, was_stuck in zip(self.taken, self.stuck, strict=True) if is_usual or not was_stuck]
        latest = sorted(counting[-MOST:])
        if not latest:
            return None
        slowest = latest[ceil(0.95 * len(latest)) - 1]
        return UsualDuration(middle=latest[len(latest) // 2], slowest=slowest, number=len(latest))


def usual_durations(transitions: Iterable[Transition]) -> UsualDurations:
    """What the pipeline's history shows. `transitions`: oldest first."""
    deploying = _Stopwatch(begins=_STARTS, ends=frozenset({Event.RUNNING}))
    to_live = _Stopwatch(begins=_STARTS, ends=frozenset({Event.LIVE}), passes=frozenset({Event.RUNNING}))
    stopping = _Stopwatch(
        begins=frozenset({Event.STOPPING}), ends=frozenset({Event.STOPPED, Event.PAUSED, Event.DEPLOYING})
    )
    for change in transitions:
        for stopwatch in (deploying, to_live, stopping):
            stopwatch.take(change)
    return UsualDurations(deploying=deploying.usual(), to_live=to_live.usual(), stopping=stopping.usual())


def _is_exact(change: Transition) -> bool:
    """True if the readings before and after the change were close."""
    return change.after is not None and change.at - change.after <= UNCERTAIN


# --- stuck -----------------------------------------------------------------------------------------------------------


def stuck_at(state: PipelineState, usual: UsualDurations) -> datetime | None:
    """From this time on, the pipeline is stuck if its phase has not changed. None: its phase may last."""
    if state.phase not in TRANSIENT or state.since is None or state.reach is not Reach.REACHABLE:
        return None
    longest = limit(usual.of(state.phase))
    return min(_begun_at(state, state.since) + longest, state.since + PATIENCE * longest)


def limit(usual: UsualDuration | None) -> timedelta:
    """How long a phase may last until it is stuck. Longer if its durations are uneven."""
    if usual is None:
        return WITHOUT_HISTORY
    if not usual.is_known:
        return max(FEW_FLOOR, TIMES_FEW * usual.slowest)
    uneven = usual.slowest * (usual.slowest / usual.middle) if usual.middle else UNEVEN
    times = TIMES_SLOWEST + MARGIN / usual.number
    return max(usual.slowest + FLOOR, times * usual.slowest, min(uneven, UNEVEN))


def _begun_at(state: PipelineState, since: datetime) -> datetime:
    """When the deployment under way began. Another one may have begun since the phase did."""
    if state.phase != Phase.DEPLOYING or state.start_time is None or state.observation is None:
        return since
    return max(since, min(state.start_time, state.observation.observed_at))


def stuck(state: PipelineState, usual: UsualDurations, read_at: datetime | None) -> PipelineFinding | None:
    """The finding that it is stuck, if the reading at `read_at` shows that."""
    limit_at, duration = stuck_at(state, usual), usual.of(state.phase)
    if limit_at is None or state.since is None or read_at is None or read_at < limit_at:
        return None
    begun_at = _begun_at(state, state.since)
    return PipelineFinding(
        event=Event.STUCK, since=begun_at, usual=duration.middle if duration and duration.is_known else None
    )


# --- drift -----------------------------------------------------------------------------------------------------------


def contradicts(state: PipelineState, pipeline: Pipeline) -> bool:
    """True if the phase contradicts the owner's intent, and nothing else explains that.

    A failure explains it. So does the end of a bounded run. STOPPING passes by itself, or is stuck.
    """
    phase, intent = state.phase, pipeline.intent
    if phase is None or state.reach is not Reach.REACHABLE or state.failed_since is not None:
        return False
    if intent is Intent.RUNNING:
        return phase in AT_REST and not (phase == Phase.STOPPED and pipeline.bounded)
    return intent is Intent.PAUSED and phase in {Phase.RUNNING, Phase.DEPLOYING}


def drift(pipeline: Pipeline, since: datetime, read_at: datetime | None) -> PipelineFinding | None:
    """The finding that it has drifted, if the contradiction since `since` outlasts the grace period."""
    if read_at is None or read_at - since < GRACE:
        return None
    return PipelineFinding(event=Event.DRIFT, since=since, intent=pipeline.intent)


# --- what a deployment's card shows ----------------------------------------------------------------------------------


def overdue_at(opened_at: datetime, usual: UsualDuration) -> datetime:
    """From then on, a deployment takes longer than usual."""
    return opened_at + max(usual.slowest, usual.middle + timedelta(minutes=1))
