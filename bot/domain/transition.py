"""Compares a reading with the state before it. Returns the new state and the transitions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.bounded_run import BoundedRun, RunEnd
from bot.domain.observation import (
    NEVER_READ,
    FailedRead,
    FailedReadKind,
    Observation,
    PipelineId,
    Reading,
    ReadSequence,
)
from bot.domain.phase import AT_REST, Intent, Phase

FAILED_READS_UNTIL_REPORTED = 3
SAME_START = timedelta(seconds=1)  # the API may report start_time with another precision: that is no restart


class Event(StrEnum):
    """The kinds of transition. Those in `SELECTABLE` are the words of `/pipeline watch … on EVENT`."""

    DEPLOYING = "deploying"
    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"
    LIVE = "live"
    DEGRADED = "degraded"
    RESTARTED = "restarted"
    UNREACHABLE = "unreachable"
    GONE = "gone"
    RECOVERED = "recovered"
    FINISHED = "finished"
    """A bounded pipeline that stopped has reached its last block."""
    LAGGING = "lagging"
    """The newest data that it has written is older than usual."""
    STALLED = "stalled"
    """It is live, and reads no more blocks although it normally does."""
    STUCK = "stuck"
    """It is DEPLOYING or STOPPING for longer than usual."""
    DRIFT = "drift"
    """Its phase contradicts what its owner wants."""
    CAUGHT_UP = "caught_up"
    """The end of LAGGING."""
    MOVING = "moving"
    """The end of STALLED."""
    ALIGNED = "aligned"
    """The end of DRIFT without a change of the phase: its owner wants what it does."""
    BACK = "back"
    CHANGED = "changed"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    """A person ended the paging of this episode."""
    PROMISE_MISSED = "promise_missed"
    """The time is over for which a person acknowledged or snoozed the failure."""
    DIAGNOSED = "diagnosed"
    """The bot read why the pipeline failed. An entry of the timeline; no history has it."""
    UNWATCHED = "unwatched"
    """Nobody watches the pipeline any more. Only the history has this event: it ends an open episode there."""


_NOT_SELECTABLE = frozenset(
    {
        *(Event.BACK, Event.CHANGED, Event.ACKNOWLEDGED, Event.RESOLVED, Event.PROMISE_MISSED),
        *(Event.CAUGHT_UP, Event.MOVING, Event.ALIGNED),
        *(Event.DIAGNOSED, Event.UNWATCHED),
    }
)
SELECTABLE = tuple(event for event in Event if event not in _NOT_SELECTABLE)
END_OF_FINDING: Mapping[Event, Event | None] = {
    Event.LAGGING: Event.CAUGHT_UP,
    Event.STALLED: Event.MOVING,
    Event.STUCK: None,  # only another phase ends it
    Event.DRIFT: Event.ALIGNED,
}
FINDINGS = frozenset(END_OF_FINDING)
"""What the bot finds out by more than one reading. A change of the phase ends each of them."""
PHASE_EVENTS = frozenset(
    {
        *(Event.DEPLOYING, Event.RUNNING, Event.PAUSED, Event.FAILED, Event.STOPPING, Event.STOPPED),
        Event.CHANGED,
    }
)


def findings_after(held: frozenset[Event], event: Event) -> frozenset[Event]:
    """The findings that hold after an event, of those that held before it."""
    if event in PHASE_EVENTS:
        return frozenset()
    ended = {finding for finding, end in END_OF_FINDING.items() if end is event}
    return (held | ({event} & FINDINGS)) - ended


class Reach(StrEnum):
    """Whether the bot can read the pipeline."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    """How long a pipeline was live. `until` None: it still is. `at_least`: it was live before the first reading."""

    since: datetime
    until: datetime | None = None
    at_least: bool = False
    read_until: datetime | None = None
    """The last reading that showed it live, if a gap came before the next one. None: `until` is as good."""

    @property
    def seconds(self) -> float:
        """How long it is known to have been live."""
        return ((self.read_until or self.until or self.since) - self.since).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadGap:
    """A time between two readings of a pipeline, longer than the bot promises. What happened in it is unknown."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineFinding:
    """A problem that holds, with what a card shows of it."""

    event: Event
    """One of `FINDINGS`."""
    since: datetime
    """When the problem began, as far as the bot knows."""
    lag: timedelta | None = None
    """LAGGING: how far it is behind."""
    threshold: timedelta | None = None
    """LAGGING: the longest lag that a watch asks for and that it has reached since it began."""
    blocks: int | None = None
    """LAGGING: how many blocks it is behind."""
    chain: str = ""
    """LAGGING, STALLED: the name of the chain it reads."""
    chain_lag: timedelta | None = None
    """How late GoldRush itself has this chain; zero if it is on time. None: not known."""
    intent: Intent | None = None
    """DRIFT: what its owner wants."""
    usual: timedelta | None = None
    """STUCK: how long this phase usually lasts. None: not known."""

    @property
    def is_of_the_chain(self) -> bool:
        """True if most of a lag is GoldRush's own on the chain: nothing to do about this pipeline."""
        return bool(self.lag and self.chain_lag and self.chain_lag >= self.lag / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineState:
    """One pipeline's state after all readings so far."""

    observation: Observation | None = None
    """The latest successful read."""
    since: datetime | None = None
    """When the bot first read the current phase."""
    first_seen: bool = False
    """The first reading found this phase: it began at `since` or earlier."""
    failed_since: datetime | None = None
    """The begin of a failure. It outlasts the phase FAILED, until the pipeline is live again or ends on purpose."""
    live: bool | None = None
    """As last reported in this phase. A reading without it keeps the value. None: never reported."""
    uid: str | None = None
    """As last reported in this phase, like `start_time`. A reading without it hides no restart."""
    start_time: datetime | None = None
    healthy: Healthy | None = None
    """The latest period in which the pipeline was live."""
    reach: Reach = Reach.REACHABLE
    failed_reads: int = 0
    """The number of failed reads in a row."""
    not_found: int = 0
    """How many of the latest reads in a row found no such pipeline."""
    sequence: ReadSequence = NEVER_READ
    failures: int = 0
    """How often it failed while it was RUNNING. With `running_seconds`, the scheduler learns how often it fails."""
    running_seconds: float = 0.0
    """How long it was RUNNING in all, without the current phase."""
    gap: ReadGap | None = None
    """The latest one."""
    run: BoundedRun | None = None
    """Only of a bounded pipeline with an end block: how far it is, or how it ended."""
    findings: tuple[PipelineFinding, ...] = ()
    """Those that hold, each event once."""
    contradicts_since: datetime | None = None
    """The phase contradicts what a fresh read of the intent showed then. After a grace period that is drift."""

    def finding(self, event: Event) -> PipelineFinding | None:
        """The finding of this kind, if it holds."""
        return next((finding for finding in self.findings if finding.event is event), None)

    @property
    def has_stopped_short(self) -> bool:
        """True for a failure that shows as STOPPED: the run ended before its last block."""
        return self.phase == Phase.STOPPED and self.failed_since is not None and bool(self.run and self.run.is_short)

    @property
    def fails(self) -> bool:
        """True while it shows a failure: FAILED, or a run that stopped before its last block."""
        return self.phase == Phase.FAILED or self.has_stopped_short

    @property
    def has_finished(self) -> bool:
        """True if the bot knows that the run reached its last block."""
        return self.phase == Phase.STOPPED and self.run is not None and self.run.end is RunEnd.FINISHED

    @property
    def phase(self) -> Phase | None:
        return self.observation.phase if self.observation else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The person behind a change, and the conversation in which they made it."""

    id: str
    name: str = ""
    """The person's name, as plain text."""
    place: str = ""
    """Words for the conversation that people elsewhere may see, as plain text."""
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of a pipeline, with the state after it."""

    event: Event
    pipeline_id: PipelineId
    at: datetime
    phase: Phase | None
    after: datetime | None = None
    """The last reading before the change, or an earlier time if the bot doesn't know it to the second."""
    previous: Phase | None = None
    live: bool = False
    reach: Reach = Reach.REACHABLE
    reason: str = ""
    """Why the bot can't read it, or how its run ended, in words for people."""
    until: datetime | None = None
    """When the bot reads again, if GoldRush asked for a wait."""
    no_reader: bool = False
    """The bot's own readers are silent: GoldRush itself may be fine."""
    first_seen: bool = False
    actor: Actor | None = None
    """Only for a change that a person made, such as an acknowledgement."""
    finding: PipelineFinding | None = None
    """Only for the begin or end of a finding. The history has its time alone."""
    began_at: datetime | None = None
    """Only for a failure that was watched again: when it began, before nobody watched it."""


def detect(
    state: PipelineState, reading: Reading, gap_from: timedelta | None = None
) -> tuple[PipelineState, tuple[Transition, ...]]:
    """The state after `reading`, and the transitions to it. Ignores a reading that is not newer.

    `gap_from`: so much time or more between two readings is a gap.
    """
    if reading.sequence <= state.sequence:
        return state, ()
    if isinstance(reading, FailedRead):
        return _failed(state, reading)
    return _observed(state, reading, gap_from)


def read_again(state: PipelineState, moment: datetime) -> PipelineState:
    """The state, given that a reading at `moment` or later found no change.

    Leaves paused, stopped and unreachable pipelines as they are: `moment` comes from readings of the other pipelines.
    """
    observation = state.observation
    if observation is None or not is_read_closely(state) or observation.observed_at >= moment:
        return state
    return replace(state, observation=replace(observation, observed_at=moment))


def is_read_closely(state: PipelineState) -> bool:
    """False if an old observation is normal: the bot reads paused and stopped pipelines rarely, unreachable ones in
    vain."""
    phase = state.phase
    return state.reach is Reach.REACHABLE and (phase is Phase.RUNNING or phase not in AT_REST)


def is_unread(state: PipelineState) -> bool:
    """True if the bot has no reading, and may still get one."""
    return state.observation is None and state.reach is not Reach.GONE


def is_plainly_healthy(state: PipelineState) -> bool:
    """True for a state that no passing time turns into trouble: live, paused or stopped, and read without a failure."""
    if state.reach is not Reach.REACHABLE or state.failed_since is not None or state.observation is None:
        return state.observation is None and state.reach is Reach.REACHABLE
    if state.findings:
        return False
    return state.observation.live or state.phase in AT_REST


def _failed(state: PipelineState, failed: FailedRead) -> tuple[PipelineState, tuple[Transition, ...]]:
    failed_reads = state.failed_reads + 1
    not_found = state.not_found + 1 if failed.kind is FailedReadKind.NOT_FOUND else 0
    after = replace(state, failed_reads=failed_reads, not_found=not_found, sequence=failed.sequence)
    if not_found >= FAILED_READS_UNTIL_REPORTED:
        reach, event = Reach.GONE, Event.GONE
    elif failed_reads >= FAILED_READS_UNTIL_REPORTED and not_found == 0 and state.reach is not Reach.GONE:
        reach, event = Reach.UNREACHABLE, Event.UNREACHABLE
    else:
        return after, ()
    if reach is state.reach:
        return after, ()
    transition = Transition(
        event=event,
        pipeline_id=failed.pipeline_id,
        at=failed.at,
        phase=state.phase,
        after=state.observation.observed_at if state.observation else None,
        live=bool(_was_live(state)),
        reach=reach,
        reason=failed.reason,
    )
    return replace(after, reach=reach), (transition,)


def _observed(
    state: PipelineState, latest: Observation, gap_from: timedelta | None
) -> tuple[PipelineState, tuple[Transition, ...]]:
    before = state.observation
    gap = _gap(before, latest, gap_from)
    changed = before is None or before.phase != latest.phase
    events = list(_events(state, latest))
    uid, start_time = _worker(state, latest, fresh=changed or Event.RESTARTED in events)
    after = PipelineState(
        observation=latest,
        since=latest.observed_at if changed else state.since,
        first_seen=before is None if changed else state.first_seen,
        failed_since=_failed_since(state, latest),
        live=_live(state, latest),
        uid=uid,
        start_time=start_time,
        healthy=_healthy(state, latest, gap),
        sequence=latest.sequence,
        failures=state.failures + (changed and state.phase == Phase.RUNNING and latest.phase == Phase.FAILED),
        running_seconds=state.running_seconds + (_seconds_in_phase(state, latest.observed_at) if changed else 0.0),
        gap=gap or state.gap,
        run=_run(state, latest, fresh=changed or Event.RESTARTED in events),
        findings=() if changed else state.findings,
        contradicts_since=None if changed else state.contradicts_since,
    )
    transitions = tuple(
        Transition(
            event=event,
            pipeline_id=latest.pipeline_id,
            at=latest.observed_at,
            phase=latest.phase if event is not Event.BACK else state.phase,
            after=before.observed_at if before else None,
            previous=before.phase if before else None,
            live=bool(after.live if event is not Event.BACK else _was_live(state)),
            first_seen=before is None,
        )
        for event in events
    )
    return after, transitions


def _gap(before: Observation | None, latest: Observation, gap_from: timedelta | None) -> ReadGap | None:
    if before is None or gap_from is None or latest.observed_at - before.observed_at < gap_from:
        return None
    return ReadGap(since=before.observed_at, until=latest.observed_at)


def _seconds_in_phase(state: PipelineState, until: datetime) -> float:
    """How long it was RUNNING, if that was its phase."""
    if state.phase != Phase.RUNNING or state.since is None:
        return 0.0
    return max(0.0, (until - state.since).total_seconds())


def _events(state: PipelineState, latest: Observation) -> list[Event]:
    """The events between the state and this observation. A first reading reports only FAILED."""
    before = state.observation
    events = [Event.BACK] if state.reach is not Reach.REACHABLE else []
    if before is None:
        return [*events, Event.FAILED] if latest.phase == Phase.FAILED else events
    if before.phase != latest.phase:
        events.append(Event(latest.phase.lower()) if latest.phase.known else Event.CHANGED)
    elif _restarted(state, latest):
        events.append(Event.RESTARTED)
    if latest.live and _was_live(state) is False:
        events.append(Event.LIVE)
    if latest.live and state.failed_since is not None:
        events.append(Event.RECOVERED)
    if latest.degraded and _was_live(state):
        events.append(Event.DEGRADED)
    if before.phase == latest.phase and state.failed_since is not None and ended_on_purpose(latest):
        events.append(Event.STOPPED)  # a person pauses now what has stopped: that ends the failure
    return events


def _was_live(state: PipelineState) -> bool | None:
    """Rows of older versions hold the observation only."""
    if state.live is None and state.observation:
        return state.observation.serving
    return state.live


def _live(state: PipelineState, latest: Observation) -> bool | None:
    """A reading that leaves it open keeps the earlier value. After another phase the pipeline counts as not live."""
    if latest.serving is not None or state.observation is None:
        return latest.serving
    return _was_live(state) if state.phase == latest.phase else False


def _healthy(state: PipelineState, latest: Observation, gap: ReadGap | None) -> Healthy | None:
    """Rows of older versions don't hold it: such a pipeline has been live since its phase began, or earlier."""
    last = state.healthy
    if last is None and state.since and _was_live(state):
        last = Healthy(since=state.since, at_least=True)
    if _live(state, latest):
        if last and last.until is None:
            return last
        return Healthy(since=latest.observed_at, at_least=state.observation is None)
    if last is None or last.until is not None:
        return last
    return replace(last, until=latest.observed_at, read_until=gap.since if gap else None)


def _restarted(state: PipelineState, latest: Observation) -> bool:
    if latest.phase not in {Phase.RUNNING, Phase.FAILED, Phase.DEPLOYING}:
        return False  # in other phases start_time means nothing
    uid, start_time = _last_worker(state)
    if uid and latest.uid and uid != latest.uid:
        return True
    if start_time is None or latest.start_time is None:
        return False
    return abs(latest.start_time - start_time) > SAME_START


def _last_worker(state: PipelineState) -> tuple[str | None, datetime | None]:
    """Rows of older versions hold the observation only."""
    observation = state.observation
    if observation is None:
        return None, None
    return state.uid or observation.uid, state.start_time or observation.start_time


def _worker(state: PipelineState, latest: Observation, *, fresh: bool) -> tuple[str | None, datetime | None]:
    """`fresh`: another worker runs, so earlier reports do not apply."""
    uid, start_time = (None, None) if fresh else _last_worker(state)
    return latest.uid or uid, latest.start_time or start_time


def _run(state: PipelineState, latest: Observation, *, fresh: bool) -> BoundedRun | None:
    """A new deployment may begin at the first block again, and a run that ended is over with the phase STOPPED."""
    run = state.run
    if run is None or not fresh or (latest.phase not in {Phase.DEPLOYING, Phase.RUNNING} and run.end is None):
        return run
    return None


def _failed_since(state: PipelineState, latest: Observation) -> datetime | None:
    if latest.phase == Phase.FAILED:
        return state.failed_since or latest.observed_at
    if latest.live or ended_on_purpose(latest):
        return None
    return state.failed_since


def ended_on_purpose(latest: Observation) -> bool:
    """A pause, or a stop that the user wants, ends a failure without a recovery."""
    return latest.phase == Phase.PAUSED or (latest.phase == Phase.STOPPED and latest.intent is Intent.PAUSED)
