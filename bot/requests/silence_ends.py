"""Carries out the begin and the end of silences: at their time, or once their pipelines have been live long enough."""

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import partial

from bot.domain.observation import PipelineId
from bot.domain.phase import AT_REST
from bot.domain.plan import Record
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.silence import Mute, Silence, Silences
from bot.domain.silence_plan import plan_silences
from bot.domain.transition import Reach
from bot.ports.clock import Clock
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.state.repository import Repository

LIVE_CHECKED_SECONDS = 5.0  # a pattern may cover many pipelines
CHECKED_AGAIN_SECONDS = 30.0  # a record may come from another bot after the check that should have seen it


class SilenceEnds:
    """Runs in the bot that leads, because it has the readings. A new leader continues where the last one stopped.

    Each pipeline's record holds the news that a silence holds back, so each end is one write of that record.
    """

    def __init__(self, *, repository: Repository, changes: SetupChanges, clock: Clock) -> None:
        self._repository = repository
        self._changes = changes
        self._clock = clock
        self._checked: tuple[object, ...] = ()
        """The silences at the last complete check."""
        self._checked_at = 0.0
        self._live_checked_at = 0.0

    async def follow(self) -> None:
        """Removes the silences that are over, and brings the cards in line with the others.

        Raises:
            StoreAway: a part is done. The next call does the rest.
        """
        repository = self._repository
        if not repository.with_held_news and not any(True for _ in repository.watches.silences.all):
            return
        await self._end_those_that_are_over()
        now, monotonic = self._clock.now(), self._clock.monotonic()
        current = self._current(now)
        if current == self._checked and monotonic - self._checked_at < CHECKED_AGAIN_SECONDS:
            return
        pipelines = repository.with_held_news | repository.open_in_silent_channels
        await repository.write_each(pipelines, partial(plan_silences, at=now))
        self._checked, self._checked_at = current, monotonic

    async def _end_those_that_are_over(self) -> None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        silences = self._repository.watches.silences
        over = {silence for silence in silences.all if silence.is_over(now)}
        if monotonic - self._live_checked_at >= LIVE_CHECKED_SECONDS:
            self._live_checked_at = monotonic
            over |= {mute for mute in silences.all if isinstance(mute, Mute) and self._is_live_again(mute)}
        if over:
            await self._changes.write(partial(_without, over=over), by=None)

    def _current(self, now: datetime) -> tuple[object, ...]:
        silent = [silence.key for silence in self._repository.watches.silences.all if silence.end_at(now)]
        return (self._repository.watches.version, *silent)

    def _is_live_again(self, mute: Mute) -> bool:
        """True if all its pipelines have been live for long enough. Under a pattern, those at rest don't count."""
        if mute.live_for is None:
            return False
        records = [self._repository.record(pipeline_id) for pipeline_id in self._covered(mute)]
        if mute.pattern:
            records = [record for record in records if not _is_at_rest(record)]
        return bool(records) and all(_has_been_live(record, mute.made_at, mute.live_for) for record in records)

    def _covered(self, mute: Mute) -> AbstractSet[PipelineId]:
        watches = self._repository.watches.in_channel(mute.made_in)
        return self._repository.referenced(mute.reference) & self._repository.covered_by(watches)


def _without(setup: Setup, at: datetime, over: AbstractSet[Silence]) -> SetupPlan[None]:  # noqa: ARG001
    """Ends these silences, unless somebody changed them meanwhile."""
    ending = (silence for silence in Silences(setup).all if silence in over)
    return SetupPlan(answer=None, edits=tuple(SetupEdit(before=silence) for silence in ending))


def _is_at_rest(record: Record) -> bool:
    """A failure that shows as STOPPED goes on."""
    state = record.state
    return state.reach is Reach.GONE or (state.phase in AT_REST and state.failed_since is None)


def _has_been_live(record: Record, muted_at: datetime, live_for: timedelta) -> bool:
    """By its readings: the time since the latest one does not count."""
    healthy, observation = record.state.healthy, record.state.observation
    if healthy is None or healthy.until is not None or observation is None:
        return False
    return observation.observed_at - max(healthy.since, muted_at) >= live_for
