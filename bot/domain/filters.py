"""Which channels a step leaves out because of their watches, or because they take no messages. Pure."""

from datetime import datetime

from bot.domain.episode import Episode, EpisodeKind
from bot.domain.escalation import Page
from bot.domain.receipt import Skip, SkipReason
from bot.domain.routing import Routing, new_entries, own_events


def filtered(episode: Episode, stored: Episode | None, routing: Routing) -> tuple[Skip, ...]:
    """A skip for each new entry and channel that wants none of its events.

    A failure's own card comes to a channel that pages, with any filter.
    """
    pages = episode.kind is EpisodeKind.FAILURE and stored is None
    return tuple(
        Skip(conversation=audience.channel, revision=entry.revision, at=entry.at, reason=SkipReason.FILTERED)
        for entry in new_entries(episode, stored)
        for audience in routing.audiences
        if not (pages and audience.targets)
        and (events := own_events(episode, entry))
        and not any(audience.wants(event) for event in events)
    )


def suspended(episode: Episode, stored: Episode | None, routing: Routing) -> tuple[Skip, ...]:
    """A skip for each new entry and channel whose messages go to the fallback channel."""
    return tuple(
        Skip(conversation=channel, revision=entry.revision, at=entry.at, reason=SkipReason.SUSPENDED)
        for audience in routing.audiences
        for channel in audience.stands_in_for
        for entry in new_entries(episode, stored)
        if any(audience.wants(event) for event in own_events(episode, entry))
    )


def unreached(episode: Episode, stored: Episode | None, at: datetime) -> tuple[Skip, ...]:
    """A skip for each channel of a page and each step that the page has just passed over, because nobody was there."""
    before = {page.key: page.unreached for page in stored.pages} if stored else {}
    return tuple(
        Skip(
            conversation=channel,
            revision=episode.revision,
            at=at,
            reason=SkipReason.REACHED_NOBODY,
            target=_step_words(page, position),
        )
        for page in episode.pages
        for position in page.unreached
        if position not in before.get(page.key, ())
        for channel in page.channels
    )


def _step_words(page: Page, position: int) -> str:
    step = f"step {position % max(1, len(page.policy.steps)) + 1}"
    return f"{step} of {page.policy.name}" if page.policy.name else step
