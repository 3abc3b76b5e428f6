"""Which channels a step leaves out because of their watches, or because they take no messages. Pure."""

from collections.abc import Collection

from bot.domain.episode import Episode, EpisodeKind
from bot.domain.receipt import Skip, SkipReason
from bot.domain.routing import OF_CHAIN, Routing, hears, new_entries, own_events
from bot.domain.watch import ChannelId


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
        and not hears(audience, entry, events)
    )


def late_chain_skips(
    episode: Episode, stored: Episode | None, routing: Routing, without_lag: Collection[ChannelId]
) -> tuple[Skip, ...]:
    """A skip for each new entry about a late chain and channel to which it is no news, as by `channels_without_lag`."""
    return tuple(
        Skip(conversation=audience.channel, revision=entry.revision, at=entry.at, reason=SkipReason.LATE_CHAIN)
        for audience in routing.audiences
        if audience.channel in without_lag and not episode.card_in(audience.channel)
        for entry in new_entries(episode, stored)
        if hears(audience, entry, OF_CHAIN.intersection(own_events(episode, entry)))
        and not routing.silence_in(audience.channel, episode.kind, entry.at)
    )


def suspended(episode: Episode, stored: Episode | None, routing: Routing) -> tuple[Skip, ...]:
    """A skip for each new entry and channel whose messages go to the fallback channel."""
    return tuple(
        Skip(conversation=channel, revision=entry.revision, at=entry.at, reason=SkipReason.SUSPENDED)
        for audience in routing.audiences
        for channel in audience.stands_in_for
        for entry in new_entries(episode, stored)
        if hears(audience, entry, own_events(episode, entry))
    )
