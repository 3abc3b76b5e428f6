"""Which channels a step leaves out because of the events that their watches name. Pure."""

from bot.domain.episode import Episode, EpisodeKind
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
