"""The news that a silence holds back: kept in the pipeline's record, one entry for each channel. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.domain.digest import digest_entry, merge_entries
from bot.domain.episode import Episode, EpisodeKind, TimelineEntry
from bot.domain.receipt import Skip, SkipReason
from bot.domain.routing import Routing, hears, new_entries, own_events
from bot.domain.setup import SetupKind
from bot.domain.silence import Silence
from bot.domain.summary import DigestEntry
from bot.domain.transition import Event
from bot.domain.watch import Audience, ChannelId

REASONS = {
    SetupKind.MUTE: SkipReason.MUTED,
    SetupKind.MAINTENANCE: SkipReason.MAINTENANCE,
    SetupKind.QUIET_HOURS: SkipReason.QUIET_HOURS,
}
NOTHING_HELD: Mapping[ChannelId, "HeldNews"] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldNews:
    """One channel's news about one pipeline since a silence began."""

    kind: SetupKind
    """Of the silence that held back the latest news."""
    entry: DigestEntry | None = None
    """None: nothing happened so far, but the channel has an open card that shows the silence."""


def with_held_news(
    held: Mapping[ChannelId, HeldNews], episode: Episode, stored: Episode | None, routing: Routing
) -> Mapping[ChannelId, HeldNews]:
    """Adds the events of this step that channels want to hear about and a silence holds back."""
    for audience, entry, silence in _silenced(episode, stored, routing):
        change = entry.by is None and Event.DIAGNOSED not in entry.events
        news = digest_entry(routing.pipeline, (entry,), None) if change else None
        if news:
            before = held.get(audience.channel)
            merged = merge_entries(before.entry if before else None, news)
            held = {**held, audience.channel: HeldNews(kind=silence.kind, entry=merged)}
    return held


def silenced(episode: Episode, stored: Episode | None, routing: Routing) -> tuple[Skip, ...]:
    """A skip for each new entry and channel that would hear about it without the silence."""
    return tuple(
        Skip(
            conversation=audience.channel,
            revision=entry.revision,
            at=entry.at,
            reason=REASONS[silence.kind],
            words=f"by {silence.made_by_name or 'someone'}, {silence.summary}",
        )
        for audience, entry, silence in _silenced(episode, stored, routing)
    )


def _silenced(
    episode: Episode, stored: Episode | None, routing: Routing
) -> Iterator[tuple[Audience, TimelineEntry, Silence]]:
    """The new entries with the events that a channel wants, and the silence that holds them back there."""
    if not routing.silences:
        return
    for audience in routing.audiences:
        for entry in new_entries(episode, stored):
            silence = routing.silence_in(audience.channel, episode.kind, entry.at)
            wanted = _wanted(audience, episode, entry)
            if silence and wanted.events:
                yield audience, wanted, silence


def _wanted(audience: Audience, episode: Episode, entry: TimelineEntry) -> TimelineEntry:
    """The entry with the events that the channel wants."""
    pages = episode.kind is EpisodeKind.FAILURE and bool(audience.targets)
    events = own_events(episode, entry)
    return replace(entry, events=tuple(event for event in events if pages or hears(audience, entry, [event])))
