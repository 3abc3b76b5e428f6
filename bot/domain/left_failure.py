"""The failure that was open when the last watch ended. If somebody watches again soon, the same failure goes on. Pure.

The pipeline is not read meanwhile. So the first reading decides: the same worker, still FAILED, is the same failure. A
run that stopped short is the same one if it stands at the same block, which the bot reads soon after.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.episode import Acknowledgement, Episode, EpisodeKind, open_failure
from bot.domain.phase import Phase
from bot.domain.subscription import UNDO_FOR
from bot.domain.transition import SAME_START, Event, Healthy, PipelineState, Transition

KEPT_FOR = UNDO_FOR + timedelta(minutes=5)
"""As long as *Undo* can bring the watch back, with time for the first reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftFailure:
    """What people did about the failure, and when it began."""

    at: datetime
    """When the last watch ended."""
    began_at: datetime
    first_seen: bool
    """It began at `began_at` or earlier."""
    acknowledged: Acknowledgement | None = None
    resolved: Acknowledgement | None = None
    healthy: Healthy | None = None
    uid: str | None = None
    start_time: datetime | None = None
    height: int | None = None
    """Where the run stopped short. None: it had FAILED."""

    def may_go_on(self, state: PipelineState, at: datetime) -> bool:
        """True until a reading, or the judgement of a bounded run, shows whether this failure goes on."""
        is_unjudged = state.phase == Phase.STOPPED and state.first_seen and (state.run is None or state.run.end is None)
        return (state.observation is None or is_unjudged) and at - self.at <= KEPT_FOR

    def is_same(self, state: PipelineState, at: datetime) -> bool:
        """True if the first reading after the time without watches shows this failure. An unknown uid is no other."""
        if not state.fails or at - self.at > KEPT_FOR:
            return False
        if self.height is not None and state.run and self.height != state.run.height:
            return False
        if self.uid and state.uid and self.uid != state.uid:
            return False
        if self.start_time is None or state.start_time is None:
            return True
        return abs(self.start_time - state.start_time) <= SAME_START

    def resumed(self, state: PipelineState) -> PipelineState:
        """The state of the same failure: it began when it did before the time without watches."""
        return replace(state, since=self.began_at, failed_since=self.began_at, first_seen=self.first_seen)

    def marked(self, transitions: Iterable[Transition]) -> tuple[Transition, ...]:
        """As they go into the history, which then counts one failure."""
        return tuple(
            replace(change, began_at=self.began_at) if change.event is Event.FAILED else change
            for change in transitions
        )


def left_failure(episode: Episode | None, state: PipelineState, at: datetime) -> LeftFailure | None:
    """None if no failure is open."""
    failure = open_failure(episode)
    if failure is None or state.failed_since is None:
        return None
    return LeftFailure(
        at=at,
        began_at=failure.began_at,
        first_seen=failure.found_begun,
        acknowledged=failure.acknowledged,
        resolved=failure.resolved,
        healthy=failure.healthy,
        uid=state.uid,
        start_time=state.start_time,
        height=state.run.height if state.run and state.has_stopped_short else None,
    )


def continued(episode: Episode, left: LeftFailure | None, state: PipelineState, at: datetime) -> Episode:
    """The new episode, with the begin and the answers of the failure that was left, if it is the same one."""
    if left is None or episode.kind is not EpisodeKind.FAILURE or not left.is_same(state, at):
        return episode
    return replace(
        episode,
        opened_at=left.began_at,
        first_seen=left.first_seen,
        acknowledged=left.acknowledged,
        resolved=left.resolved,
        healthy=left.healthy,
    )
