"""Which conversations hear about a step of an episode, and who paged them there. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.card import PageOrigin
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import ReceiverKind
from bot.domain.episode import Episode, EpisodeKind, EpisodeOutcome, TimelineEntry
from bot.domain.escalation import Page, Policy
from bot.domain.flapping import DEFAULT_WINDOW, FlapWindow
from bot.domain.note import NO_GUIDANCE, Guidance
from bot.domain.on_call_setup import (
    default_policy,
    operator_policy,
    policy_named,
    shadows_of,
)
from bot.domain.owners import owner_of
from bot.domain.schedule_state import pageable_on_call
from bot.domain.setup import NO_SETUP, Setup
from bot.domain.silence import Silence, latest_silence
from bot.domain.transition import Event, PipelineState
from bot.domain.watch import ONLY_BELOW_CARDS, Audience, ChannelId, Target, TargetKind, TeamId, Watch


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
    operator: ChannelId | None = None
    """The channel for the person who runs the bot."""
    pagers: Mapping[str, ReceiverKind] = field(default_factory=dict)
    """The configured pagers outside Slack, by name."""
    flap_window: FlapWindow = DEFAULT_WINDOW
    chat_url: str = ""
    """The address of the workspace; empty if it is not known."""
    chain_cards: Mapping[str, AbstractSet[ChannelId]] = field(default_factory=dict)
    """By chain: the channels where another pipeline's card says that GoldRush is late on it."""

    def channel_link(self, channel: ChannelId) -> str:
        """Where a browser finds the channel; empty if it is not known."""
        return f"{self.chat_url.rstrip('/')}/archives/{channel}" if self.chat_url else ""

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
        homes = homes or {channel}  # of a page, in a plan for another channel's audience
        found = [
            latest_silence((silence for silence in self.silences if silence.made_in == home), kind, self.at or at)
            for home in sorted(homes)
        ]
        return found[0] if found and all(found) else None

    def policy(self, name: str) -> Policy:
        """The policy with this name; one without steps if there is none."""
        return policy_named(self.setup, name) or Policy(name=name, steps=())

    def default_policy(self, channel: ChannelId) -> Policy | None:
        """The policy for watches of this channel that name no targets."""
        return default_policy(self.setup, channel)

    @property
    def operator_policy(self) -> Policy | None:
        """For pages that nobody answered, and for faults of the bot."""
        return operator_policy(self.setup)

    def reached(self, target: Target, at: datetime) -> tuple[Target, ...]:
        """The people, groups and pagers that a target means at this moment. Empty: nobody."""
        match target.kind:
            case TargetKind.USER | TargetKind.USERGROUP | TargetKind.HERE | TargetKind.CHANNEL:
                return (target,)
            case TargetKind.PAGER:
                return (target,) if target.id in self.pagers else ()
            case TargetKind.ON_CALL:
                return pageable_on_call(self.setup, target.id, at)
            case TargetKind.OWNER:
                return owner_of(self.setup, self.pipeline)
            case TargetKind.POLICY:
                return ()

    def heard(self, page: Page, kind: EpisodeKind, at: datetime) -> Page:
        """The page without the channels that are silent now. Without any channel, it reaches nobody."""
        if not self.silences:
            return page
        channels = tuple(channel for channel in page.channels if not self.silence_in(channel, kind, at))
        return replace(page, channels=channels) if channels else replace(page, channels=(), notified=(), shadows=())

    def shadows(self, target: Target, at: datetime) -> tuple[Target, ...]:
        """The learners who get copies of this target's direct messages."""
        if target.kind is not TargetKind.ON_CALL:
            return ()
        return tuple(row.person for row in shadows_of(self.setup, target.id) if row.covers(at))


def conversations(
    episode: Episode, stored: Episode | None, routing: Routing, without_lag: Collection[ChannelId] = ()
) -> list[ChannelId]:
    """The channels that want this step, and the conversations of the episode's pages.

    Args:
        stored: the episode before the step; None if the step opens it.
        without_lag: the channels to which a lag is no news, as by `channels_without_lag`.
    """
    entries = new_entries(episode, stored) or episode.timeline
    changes = [(entry, set(own_events(episode, entry)) - ONLY_BELOW_CARDS) for entry in entries if entry.by is None]
    confirmed = [audience for audience in routing.audiences if not episode.waits_for(audience.confirm)]
    wanting = [
        audience.channel
        for audience in confirmed
        if any(
            hears(audience, entry, events - OF_CHAIN if audience.channel in without_lag else events)
            for entry, events in changes
        )
    ]
    pages = [routing.heard(page, episode.kind, entries[-1].at) for page in episode.pages]
    paging = [conversation for page in pages for conversation in page.conversations]
    silent = {channel for channel in wanting if routing.silence_in(channel, episode.kind, entries[-1].at)}
    return [channel for channel in dict.fromkeys([*wanting, *paging]) if channel not in silent]


OF_CHAIN = frozenset({Event.LAGGING, Event.CAUGHT_UP})
"""The events of a lag that may be that of a late chain."""


def channels_without_lag(episode: Episode, state: PipelineState, routing: Routing) -> AbstractSet[ChannelId]:
    """The channels to which the lag is no news: it is that of the chain, and another pipeline's card says so.

    The end of such a lag is news to no channel without a card.
    """
    if lag := state.finding(Event.LAGGING):
        return routing.chain_cards.get(lag.chain, frozenset()) if lag.is_of_the_chain else frozenset()
    found = (one for entry in reversed(episode.timeline) for one in entry.findings if one.event is Event.LAGGING)
    ended = next(found, None)
    if ended is None or not ended.is_of_the_chain:
        return frozenset()
    return frozenset(audience.channel for audience in routing.audiences)


def hears(audience: Audience, entry: TimelineEntry, events: Iterable[Event]) -> bool:
    """True if the channel hears about one of these events of the entry."""
    return any(audience.wants(event, entry.lag) for event in events)


def new_entries(episode: Episode, stored: Episode | None) -> list[TimelineEntry]:
    """The entries that the stored episode lacks."""
    last = stored.revision if stored else 0
    return [entry for entry in episode.timeline if entry.revision > last]


def left_meanwhile(stored: Episode, routing: Routing) -> frozenset[ChannelId]:
    """The conversations of a closed episode that stopped watching since. If it goes on, it goes on without them."""
    if stored.open:
        return frozenset()
    watching = {audience.channel for audience in routing.audiences}
    watching |= {target.direct for audience in routing.audiences for target in audience.targets if target.direct}
    return frozenset(stored.cards.values()) - watching - set(stored.direct_conversations)


def without_cards(stored: Episode, leaving: Collection[ChannelId]) -> Episode:
    """The stored episode without the cards of these conversations: they get no more updates."""
    cards = {key: channel for key, channel in stored.cards.items() if channel not in leaving}
    return replace(stored, cards=cards) if leaving else stored


def own_events(episode: Episode, entry: TimelineEntry) -> tuple[Event, ...]:
    """If a transition closes one episode and opens another, only the new card shows it."""
    superseded = entry.revision == episode.timeline[-1].revision and episode.outcome is EpisodeOutcome.SUPERSEDED
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


def origins(routing: Routing, channel: ChannelId, pages: Sequence[Page] = ()) -> tuple[PageOrigin, ...]:
    """The watches behind the pages in this conversation: the channel's own, or those that page this person.

    `pages`: of the episode. They may have found this person by a policy or schedule that a watch elsewhere names.
    """
    behind = {
        other
        for page in pages
        if channel in page.conversations and channel not in page.channels
        for other in page.channels
    }
    paging = [
        watch
        for audience in routing.audiences
        for watch in audience.watches
        if (audience.channel == channel and watch.targets)
        or any(target.direct == channel for target in watch.targets)
        or (audience.channel in behind and _names_people_indirectly(watch))
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


def _names_people_indirectly(watch: Watch) -> bool:
    """True if a policy or schedule finds the people: one that the watch names, or the default policy."""
    return not watch.targets or any(target.kind in _INDIRECT for target in watch.targets)


_INDIRECT = frozenset({TargetKind.ON_CALL, TargetKind.POLICY, TargetKind.OWNER})
