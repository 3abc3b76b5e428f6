"""What two readings of one pipeline tell of it: its standing, and the transitions somebody may want to hear of."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

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

MISSES_UNTIL_TOLD = 3
SAME_START = timedelta(seconds=1)  # start_time may come in another precision: that is no restart


class Event(StrEnum):
    """What can be told of a pipeline. Those in `SELECTABLE` are the words of `/pipeline watch … on EVENT`."""

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
    BACK = "back"
    CHANGED = "changed"
    ACKNOWLEDGED = "acknowledged"


SELECTABLE = tuple(event for event in Event if event not in {Event.BACK, Event.CHANGED, Event.ACKNOWLEDGED})


class Reach(StrEnum):
    """Whether the pipeline can be read at all."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    """How long a pipeline was live. `until` None: it still is. `at_least`: it was already live at the first reading."""

    since: datetime
    until: datetime | None = None
    at_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineState:
    """What is believed of one pipeline after all readings so far."""

    observation: Observation | None = None
    since: datetime | None = None
    first_seen: bool = False
    """It was so already when it was first read: since then, or earlier."""
    failed_since: datetime | None = None
    live: bool | None = None
    """As last reported in this phase: a reading that leaves it open does not change it. None: never reported."""
    uid: str | None = None
    """As last reported in this phase, like `start_time`: a reading without one hides no restart."""
    start_time: datetime | None = None
    healthy: Healthy | None = None
    """The last stretch of being live."""
    reach: Reach = Reach.REACHABLE
    failed_reads: int = 0
    not_found: int = 0
    sequence: ReadSequence = NEVER_READ

    @property
    def phase(self) -> Phase | None:
        return self.observation.phase if self.observation else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One thing that became so, with the state it left behind."""

    event: Event
    pipeline_id: PipelineId
    at: datetime
    phase: Phase | None
    after: datetime | None = None
    """When it was last read and was not so yet; earlier, where that is not known to the second."""
    previous: Phase | None = None
    live: bool = False
    reach: Reach = Reach.REACHABLE
    reason: str = ""
    until: datetime | None = None
    """When the bot reads again, if GoldRush asked for a wait."""
    first_seen: bool = False


def detect(standing: PipelineState, reading: Reading) -> tuple[PipelineState, tuple[Transition, ...]]:
    """The standing after `reading`, and what became so by it. A reading not newer than the last changes nothing."""
    if reading.sequence <= standing.sequence:
        return standing, ()
    if isinstance(reading, FailedRead):
        return _missed(standing, reading)
    return _observed(standing, reading)


def read_since(standings: Iterable[PipelineState]) -> datetime | None:
    """Since when each of those that `read_again` is about was read: a steady reading is not written."""
    closely = (each.observation for each in standings if _closely(each))
    return min((each.observed_at for each in closely if each), default=None)


def read_again(standing: PipelineState, moment: datetime) -> PipelineState:
    """It was read at `moment` or later, and nothing had changed. Not said of what is at rest: that is read seldom, and
    would make all others look as old."""
    observation = standing.observation
    if observation is None or not _closely(standing) or observation.observed_at >= moment:
        return standing
    return replace(standing, observation=replace(observation, observed_at=moment))


def _closely(standing: PipelineState) -> bool:
    return standing.reach is Reach.REACHABLE and standing.phase not in AT_REST


def _missed(standing: PipelineState, miss: FailedRead) -> tuple[PipelineState, tuple[Transition, ...]]:
    failed_reads = standing.failed_reads + 1
    not_found = standing.not_found + 1 if miss.kind is FailedReadKind.NOT_FOUND else 0
    after = replace(standing, failed_reads=failed_reads, not_found=not_found, sequence=miss.sequence)
    if not_found >= MISSES_UNTIL_TOLD:
        reach, event = Reach.GONE, Event.GONE
    elif failed_reads >= MISSES_UNTIL_TOLD and not_found == 0 and standing.reach is not Reach.GONE:
        reach, event = Reach.UNREACHABLE, Event.UNREACHABLE
    else:
        return after, ()
    if reach is standing.reach:
        return after, ()
    told = Transition(
        event=event,
        pipeline_id=miss.pipeline_id,
        at=miss.at,
        phase=standing.phase,
        after=standing.observation.observed_at if standing.observation else None,
        live=bool(_was_live(standing)),
        reach=reach,
        reason=miss.reason,
    )
    return replace(after, reach=reach), (told,)


def _observed(standing: PipelineState, now: Observation) -> tuple[PipelineState, tuple[Transition, ...]]:
    before = standing.observation
    changed = before is None or before.phase != now.phase
    events = list(_events(standing, now))
    uid, start_time = _worker(standing, now, fresh=changed or Event.RESTARTED in events)
    after = PipelineState(
        observation=now,
        since=now.observed_at if changed else standing.since,
        first_seen=before is None if changed else standing.first_seen,
        failed_since=_failed_since(standing, now),
        live=_live(standing, now),
        uid=uid,
        start_time=start_time,
        healthy=_healthy(standing, now),
        sequence=now.sequence,
    )
    told = tuple(
        Transition(
            event=event,
            pipeline_id=now.pipeline_id,
            at=now.observed_at,
            phase=now.phase if event is not Event.BACK else standing.phase,
            after=before.observed_at if before else None,
            previous=before.phase if before else None,
            live=bool(after.live if event is not Event.BACK else _was_live(standing)),
            first_seen=before is None,
        )
        for event in events
    )
    return after, told


def _events(standing: PipelineState, now: Observation) -> list[Event]:
    before = standing.observation
    back = [Event.BACK] if standing.reach is not Reach.REACHABLE else []
    if before is None:
        return [*back, Event.FAILED] if now.phase == Phase.FAILED else back
    events = back
    if before.phase != now.phase:
        events.append(Event(now.phase.lower()) if now.phase.known else Event.CHANGED)
    elif _restarted(standing, now):
        events.append(Event.RESTARTED)
    if now.live and _was_live(standing) is False:
        events.append(Event.LIVE)
    if now.live and standing.failed_since is not None:
        events.append(Event.RECOVERED)
    if now.degraded and _was_live(standing):
        events.append(Event.DEGRADED)
    return events


def _was_live(standing: PipelineState) -> bool | None:
    """Rows that an older version wrote hold the observation only."""
    if standing.live is None and standing.observation:
        return standing.observation.serving
    return standing.live


def _live(standing: PipelineState, now: Observation) -> bool | None:
    """If a reading does not say, the pipeline keeps its earlier state. After another phase it counts as not live."""
    if now.serving is not None or standing.observation is None:
        return now.serving
    return _was_live(standing) if standing.phase == now.phase else False


def _healthy(standing: PipelineState, now: Observation) -> Healthy | None:
    """Rows that an older version wrote don't hold it: then it has been live since its phase began, or earlier."""
    last = standing.healthy
    if last is None and standing.since and _was_live(standing):
        last = Healthy(since=standing.since, at_least=True)
    if _live(standing, now):
        if last and last.until is None:
            return last
        return Healthy(since=now.observed_at, at_least=standing.observation is None)
    return replace(last, until=now.observed_at) if last and last.until is None else last


def _restarted(standing: PipelineState, now: Observation) -> bool:
    if now.phase not in {Phase.RUNNING, Phase.FAILED, Phase.DEPLOYING}:
        return False  # elsewhere start_time may come and go without meaning
    uid, start_time = _last_worker(standing)
    if uid and now.uid and uid != now.uid:
        return True
    if start_time is None or now.start_time is None:
        return False
    return abs(now.start_time - start_time) > SAME_START


def _last_worker(standing: PipelineState) -> tuple[str | None, datetime | None]:
    """Rows that an older version wrote hold the observation only."""
    seen = standing.observation
    if seen is None:
        return None, None
    return standing.uid or seen.uid, standing.start_time or seen.start_time


def _worker(standing: PipelineState, now: Observation, *, fresh: bool) -> tuple[str | None, datetime | None]:
    """`fresh`: this is another worker, so earlier reports do not apply."""
    uid, start_time = (None, None) if fresh else _last_worker(standing)
    return now.uid or uid, now.start_time or start_time


def _failed_since(standing: PipelineState, now: Observation) -> datetime | None:
    if now.phase == Phase.FAILED:
        return standing.failed_since or now.observed_at
    if now.live or ended_on_purpose(now):
        return None
    return standing.failed_since


def ended_on_purpose(now: Observation) -> bool:
    """A pause, or a stop that the user is known to want, ends a failure without a recovery."""
    return now.phase == Phase.PAUSED or (now.phase == Phase.STOPPED and now.intent is Intent.PAUSED)
