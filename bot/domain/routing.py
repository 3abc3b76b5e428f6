"""Which conversations hear about a step of an episode, and who paged them there. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.card import PageOrigin
from bot.domain.catalogue import Pipeline
from bot.domain.episode import Episode, EpisodeKind, EpisodeOutcome, TimelineEntry
from bot.domain.note import NO_GUIDANCE, Guidance
from bot.domain.setup import NO_SETUP, Setup
from bot.domain.silence import Silence, latest_silence
from bot.domain.transition import Event
from bot.domain.watch import Audience, ChannelId, TeamId


@dataclass(frozen=True, slots=True)
class Routing:
    """The workspace, the pipeline's names, its watchers and the setup, for one plan."""

    team: TeamId
    pipeline: Pipeline
    audiences: Sequence[Audience]
    guidance: Guidance = NO_GUIDANCE
    setup: Setup = NO_SETUP
    silences: tuple[Silence, ...] = ()
    """The mutes, maintenance windows and quiet hours that cover the pipeline in a channel of the audiences."""
    at: datetime | None = None
    """The moment of the plan. None: that of each event."""

    def audience(self, channel: ChannelId) -> Audience | None:
        """The channel's watches of this pipeline; None if it has none."""
        return next((audience for audience in self.audiences if audience.channel == channel), None)

    def silence_in(self, channel: ChannelId, kind: EpisodeKind, at: datetime) -> Silence | None:
        """The silence that holds back messages about such an episode in this conversation.

        The fallback channel is silent if the suspended one is. A direct message follows the watches that page there.
        """
        if not self.silences:
            return None
        audience = self.audience(channel)
        behind = [audience] if audience else [each_one for each_one in self.audiences if each_one.pages(channel)]
        homes = {watch.stands_in_for or watch.channel for each_one in behind for watch in each_one.watches}
        found = [
            latest_silence((silence for silence in self.silences if silence.made_in == home), kind, self.at or at)
            for home in sorted(homes)
        ]
        return found[0] if found and all(found) else None


def conversations(episode: Episode, stored: Episode | None, routing: Routing) -> list[ChannelId]:
    """The channels that want this step, and the direct messages of the people that a failure pages.

    `stored` is the episode before the step; None if the step opens it.
    """
    entries = new_entries(episode, stored) or episode.timeline
    events = {event for entry in entries for event in own_events(episode, entry)}
    failure = episode.kind is EpisodeKind.FAILURE
    wanting = [
        audience
        for audience in routing.audiences
        if (any(audience.wants(event) for event in events) or (failure and audience.targets))
        and not routing.silence_in(audience.channel, episode.kind, entries[-1].at)
    ]
    direct = [target.direct for audience in wanting for target in audience.targets if failure and target.direct]
    return list(dict.fromkeys([*(audience.channel for audience in wanting), *direct]))


def new_entries(episode: Episode, stored: Episode | None) -> list[TimelineEntry]:
    """The entries that the stored episode lacks."""
    last = stored.revision if stored else 0
    return [entry for entry in episode.timeline if entry.revision > last]


def own_events(episode: Episode, entry: TimelineEntry) -> tuple[Event, ...]:
    """If a transition closes one episode and opens another, only the new card shows it."""
    superseded = entry.ends and episode.outcome is EpisodeOutcome.SUPERSEDED
    return entry.events[:-1] if superseded else entry.events


def as_first_seen(episode: Episode, stored: Episode | None, routing: Routing, key: str) -> Episode:
    """The episode as this card already shows it: the stored one, or else up to the first entry its channel wanted.

    The card showed that entry, so its thread does not repeat it.
    """
    if stored and key in stored.cards:
        return stored
    channel = episode.cards[key]
    wanted = (
        entry
        for entry in episode.timeline
        if channel in conversations(replace(episode, timeline=(entry,)), None, routing)
    )
    return replace(episode, revision=next(wanted, episode.timeline[0]).revision)


def paged_targets(episode: Episode, routing: Routing, cards: Mapping[str, ChannelId]) -> dict[str, tuple[str, ...]]:
    """The people and groups that the first card of a failure pages, by the card's key."""
    if episode.kind is not EpisodeKind.FAILURE:
        return {}
    audiences = {key: routing.audience(channel) for key, channel in cards.items()}
    return {
        key: tuple(target.identity for target in audience.targets) for key, audience in audiences.items() if audience
    }


def origins(routing: Routing, channel: ChannelId) -> tuple[PageOrigin, ...]:
    """The watches behind the pages in this conversation: the channel's own, or those that page this person."""
    paging = [
        watch
        for audience in routing.audiences
        for watch in audience.watches
        if (audience.channel == channel and watch.targets) or any(target.direct == channel for target in watch.targets)
    ]
    return tuple(
        dict.fromkeys(
            PageOrigin(
                by=watch.made_by,
                name=watch.made_by_name,
                channel=watch.stands_in_for or watch.channel,
                reference=watch.reference,
                label=watch.label,
            )
            for watch in paging
        )
    )
