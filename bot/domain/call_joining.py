"""Lets calls that repeat go out together: many failures call a person little more often than one does. Pure.

A repeated call may come early, with a call of the same people for another failure. Their next wait begins with it, so
from then on both come together. A step that calls other people never comes early: it is their wait that ends.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.episode import Episode
from bot.domain.escalation import TOGETHER, Page, PageStatus
from bot.domain.watch import ChannelId, Target

JOINS_WITHIN = timedelta(minutes=4)  # so a call names all failures that last called the same people a minute ago

CalledPeople = frozenset[tuple[ChannelId, Target]]
"""The people that are called, with the channel of the watch behind it."""
NOBODY_CALLED: CalledPeople = frozenset()


def calls_due(episode: Episode, at: datetime) -> CalledPeople:
    """The people that the due pages of this episode call now."""
    return frozenset(call for page in episode.pages if page.is_due(at, TOGETHER) for call in _next_calls(page))


def joining(episode: Episode, calls: CalledPeople, at: datetime) -> Episode | None:
    """The episode with its next calls due now, if `calls` go to the same people. None: it waits for its own time."""
    next_pages = [page for page in episode.pages if page.is_due(at, JOINS_WITHIN)]
    if not next_pages or not all(_repeats(page) and _next_calls(page) <= calls for page in next_pages):
        return None
    pages = (replace(page, next_at=at) if page in next_pages else page for page in episode.pages)
    return replace(episode, pages=tuple(pages))


def _repeats(page: Page) -> bool:
    """All steps have called before, and a further round calls the same people."""
    steps = len(page.policy.steps)
    return page.status is PageStatus.ESCALATING and steps <= page.position < steps * (page.policy.rounds + 1)


def _next_calls(page: Page) -> CalledPeople:
    steps = page.policy.steps
    if page.status is not PageStatus.ESCALATING or page.position >= len(steps) * (page.policy.rounds + 1):
        return NOBODY_CALLED
    targets = steps[page.position % len(steps)].targets
    return frozenset((channel, target) for channel in page.channels for target in targets)
