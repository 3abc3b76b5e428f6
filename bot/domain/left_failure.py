"""The failure that was open when the last watch ended. If somebody watches again soon, the same failure goes on. Pure.

The pipeline is not read meanwhile. So the first reading decides: the same worker, still FAILED, is the same failure.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.episode import Acknowledgement, Episode, EpisodeKind, open_failure
from bot.domain.phase import Phase
from bot.domain.subscription import UNDO_FOR
from bot.domain.transition import SAME_START, Healthy, PipelineState

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

    def is_same(self, state: PipelineState, at: datetime) -> bool:
        """True if the first reading after the time without watches shows this failure. An unknown uid is no other."""
        if state.phase is not Phase.FAILED or at - self.at > KEPT_FOR:
            return False
        if self.uid and state.uid and self.uid != state.uid:
            return False
        if self.start_time is None or state.start_time is None:
            return True
        return abs(self.start_time - state.start_time) <= SAME_START


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
