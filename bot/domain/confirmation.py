"""Which channels wait for further readings before they hear of a problem. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.episode import Episode, EpisodeKind, TimelineEntry
from bot.domain.receipt import Skip, SkipReason
from bot.domain.routing import Routing, hears, new_entries, own_events
from bot.domain.transition import PipelineState
from bot.domain.watch import ChannelId


def confirmed_by(episode: Episode, state: PipelineState, routing: Routing) -> Episode | None:
    """The episode after one more reading of its problem. None: no channel waits for it, or it shows no problem."""
    waits = any(episode.waits_for(audience.confirm) for audience in routing.audiences)
    if not episode.open or not waits or state.failed_reads or state.observation is None:
        return None
    failure = episode.kind is EpisodeKind.FAILURE
    shows_it = state.fails if failure else state.observation.degraded
    return replace(episode, revision=episode.revision + 1, readings=episode.readings + 1) if shows_it else None


def is_confirmed_late(episode: Episode, stored: Episode | None) -> bool:
    """True if this step is a further reading of a failure that came back."""
    return stored is not None and episode.times > 1 and episode.open and episode.readings > stored.readings


def entries_for(
    channel: ChannelId, episode: Episode, stored: Episode | None, routing: Routing
) -> Sequence[TimelineEntry]:
    """The entries that this step brings to the thread of a card. A return that waits comes once it is confirmed."""
    new = new_entries(episode, stored)
    readings = _confirm_in(channel, routing)
    if episode.waits_for(readings):
        return [entry for entry in new if entry.by]
    if stored is None or not stored.open or not stored.waits_for(readings):
        return new
    returns = [number for number, entry in enumerate(episode.timeline) if entry.reopens]
    return episode.timeline[returns[-1] :] if returns else new


def confirming(episode: Episode, stored: Episode | None, routing: Routing) -> tuple[Skip, ...]:
    """A skip for each new entry and channel that would hear of it without the wait."""
    return tuple(
        Skip(
            conversation=audience.channel,
            revision=entry.revision,
            at=entry.at,
            reason=SkipReason.CONFIRMING,
            words=f"({audience.confirm} in a row)",
        )
        for audience in routing.audiences
        if episode.waits_for(audience.confirm)
        for entry in new_entries(episode, stored)
        if hears(audience, entry, own_events(episode, entry))
    )


def _confirm_in(channel: ChannelId, routing: Routing) -> int:
    """How many readings this conversation waits for. A direct message follows the watches that page there."""
    audience = routing.audience(channel)
    behind = [audience] if audience else [each_one for each_one in routing.audiences if each_one.pages(channel)]
    return min((each_one.confirm for each_one in behind), default=1)
