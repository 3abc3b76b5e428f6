"""The open failures that one person has, or that called them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.domain.catalogue import Pipeline
from bot.domain.episode import Acknowledgement, Episode
from bot.domain.escalation import PageStatus
from bot.domain.watch import ChannelId, TargetKind, UserId

_UNANSWERED = frozenset({PageStatus.ESCALATING, PageStatus.EXHAUSTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One open failure of a person."""

    pipeline: Pipeline
    episode: Episode
    acknowledged: Acknowledgement | None = None
    """The person's own. None: a page called them, and nobody has answered yet."""
    next_at: datetime | None = None
    """When the next step of that page is due."""

    @property
    def channels(self) -> tuple[ChannelId, ...]:
        """The conversations with its cards."""
        return tuple(dict.fromkeys(self.episode.cards.values()))


def assignment_of(user: UserId, episode: Episode, pipeline: Pipeline) -> Assignment | None:
    """None if the failure is over, or is not this person's."""
    if not episode.answerable:
        return None
    if acknowledged := episode.acknowledged:
        if acknowledged.by != user:
            return None
        return Assignment(pipeline=pipeline, episode=episode, acknowledged=acknowledged)
    calls = [
        page
        for page in episode.pages
        if page.status in _UNANSWERED
        and any(target.kind is TargetKind.USER and target.id == user for target in page.notified)
    ]
    if not calls:
        return None
    next_at = min((page.next_at for page in calls if page.next_at), default=None)
    return Assignment(pipeline=pipeline, episode=episode, next_at=next_at)


def in_order_of_need(assignments: Iterable[Assignment]) -> tuple[Assignment, ...]:
    """Those that nobody has answered come first, then the oldest."""
    return tuple(sorted(assignments, key=lambda it: (it.acknowledged is not None, it.episode.began_at, it.pipeline.id)))
