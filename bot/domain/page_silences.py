"""Pages while silences hold them back: nobody may hear them, and they go on afterwards. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.episode import Episode, EpisodeKind
from bot.domain.escalation import TOGETHER, Page, PageStatus, restarted_at
from bot.domain.routing import Routing

WHILE_SILENT = timedelta(minutes=1)


def postponed(episode: Episode, routing: Routing, at: datetime) -> Episode | None:
    """The episode with its due pages later, if silences hold back all of them. None: somebody may hear one."""
    due = [page for page in episode.pages if page.is_due(at, TOGETHER)]
    if not due or not all(is_silenced(page, episode.kind, routing, at) for page in due):
        return None
    return replace(episode, pages=tuple(postponed_page(page, at) for page in episode.pages))


def following_silences(episode: Episode, routing: Routing, at: datetime) -> Episode:
    """Marks the pages that nobody may hear now. A marked one that is heard again starts at once, from its first step.

    Nobody may have seen the calls before the silence, so the first step comes again.
    """
    pages = tuple(_page_following(page, episode, routing, at) for page in episode.pages)
    return episode if pages == episode.pages else replace(episode, pages=pages)


def _page_following(page: Page, episode: Episode, routing: Routing, at: datetime) -> Page:
    silent = is_silenced(page, episode.kind, routing, at)
    waits = episode.unanswered and page.status not in {PageStatus.CLOSED, PageStatus.RESOLVED}
    if silent:
        return replace(page, silenced=True) if waits else page
    if not page.silenced:
        return page
    return restarted_at(page, at) if waits else replace(page, silenced=False)


def is_silenced(page: Page, kind: EpisodeKind, routing: Routing, at: datetime) -> bool:
    return bool(page.channels) and not routing.heard(page, kind, at).channels


def postponed_page(page: Page, at: datetime) -> Page:
    """A due page that nobody may hear now: its timer is due again in a minute."""
    return replace(page, next_at=at + WHILE_SILENT, silenced=True) if page.is_due(at, TOGETHER) else page


def waiting_page(page: Page, at: datetime) -> Page:
    """The pipeline failed again, and nobody may hear it now: the page starts again after the silence."""
    if page.status in {PageStatus.ESCALATING, PageStatus.RESOLVED}:
        return page
    return replace(restarted_at(page, at + WHILE_SILENT), silenced=True)
