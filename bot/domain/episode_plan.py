"""Plans the cards and messages for one step of one episode, in every conversation that wants it. Pure."""

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from bot.domain.calls import call_messages, messages_to_pagers
from bot.domain.card import Card, SyncCard, ThreadEntry
from bot.domain.confirmation import confirming, entries_for
from bot.domain.delivery import Message, Priority, Receiver
from bot.domain.episode import Episode, EpisodeKind, EpisodeOutcome, stable_key
from bot.domain.error_note import note_on_error
from bot.domain.escalation import PageEvent, TimerDue
from bot.domain.filters import filtered, late_chain_skips, suspended
from bot.domain.flap_skips import hidden_by_flapping
from bot.domain.follow_ups import FollowUpStyle, follow_up_style
from bot.domain.held_news import silenced
from bot.domain.note import NO_GUIDANCE, Guidance
from bot.domain.pages import notified_in, paged_episode
from bot.domain.receipt import Skip
from bot.domain.routing import Routing, channels_without_lag, conversations, hears, origins, paged_targets
from bot.domain.step_skips import left_out_steps
from bot.domain.story import adds_a_problem
from bot.domain.transition import Event, PipelineState
from bot.domain.watch import Audience, ChannelId, Target


@dataclass(frozen=True, slots=True)
class EpisodePlan:
    """The episode with its new cards, the content of each card, and the messages to enqueue."""

    episode: Episode
    cards: tuple[Card, ...]
    messages: tuple[Message, ...]
    skips: tuple[Skip, ...] = ()
    """Who is not notified of this step, and why."""


def plan_episode(
    episode: Episode,
    stored: Episode | None,
    state: PipelineState,
    routing: Routing,
    *,
    at: datetime | None = None,
    page_event: PageEvent | None = None,
    only: ChannelId | None = None,
    previous_episode: Episode | None = None,
    draws: bool = True,
) -> EpisodePlan:
    """Updates each conversation's card, or opens one.

    A card that existed before this step also gets entries in its thread.

    Args:
        stored: this episode before the step; None if the step opens it.
        at: the time of the step. None: of the episode's latest entry.
        page_event: what a person or a timer does to the pages.
        only: the one channel to open a card in, and the direct messages of its page. The others get no messages.
        previous_episode: the pipeline's earlier episode. Its card comes first in each conversation.
        draws: False if the messages of cards that exist need not show this step yet.
    """
    at = at or (episode.timeline[-1].at if episode.timeline else episode.opened_at)
    paged = paged_episode(episode, stored, routing, at, page_event=page_event, only=only)
    episode = paged.episode
    stored_cards = stored.cards if stored else {}
    without_lag = channels_without_lag(episode, state, routing)
    hearing = conversations(episode, stored, routing, without_lag)
    wanting = [channel for channel in hearing if channel not in stored_cards.values()]
    opened = {episode.key(routing.team, channel): channel for channel in wanting}
    episode = replace(episode, cards={**stored_cards, **opened})
    episode = replace(episode, paged={**episode.paged, **paged_targets(episode, routing, opened)})
    cards = make_cards(episode, state, routing, opened if only else episode.cards)
    reopened = stored is not None and not stored.open and episode.open
    fresh = {card.key for card in cards if reopened or card.key in opened}
    drawn = [card for card in cards if draws or card.key in opened]
    not_before = at if isinstance(page_event, TimerDue) else None
    syncs = [_sync(card, routing, fresh, not_before, previous_episode) for card in drawn]
    calls = call_messages(paged.calls, episode, stored_cards.values(), routing, at)
    called = {message.receiver.id for message in calls}
    entries: list[Message] = []
    for key, channel in {} if only else stored_cards.items():
        entries += thread_entries(episode, stored, routing, key, channel, called=called)
    calls = (*messages_to_pagers(paged, stored, routing, at), *calls)
    skips = [] if only else _skips_of_channels(episode, stored, state, routing)
    skips += late_chain_skips(episode, stored, routing, without_lag)
    return EpisodePlan(episode, cards, (*calls, *syncs, *entries), (*skips, *left_out_steps(episode, stored, at)))


def _sync(
    card: Card,
    routing: Routing,
    fresh: Container[str],
    not_before: datetime | None,
    previous_episode: Episode | None,
) -> Message:
    """`not_before`: when a timer made the card, so that an old reading does not make it late."""
    sync = sync_message(card, routing, fresh=card.key in fresh)
    if not_before:
        sync = replace(sync, made_at=max(sync.made_at, not_before))
    return replace(sync, after_card=previous_episode.card_in(card.channel) or "") if previous_episode else sync


def _skips_of_channels(episode: Episode, stored: Episode | None, state: PipelineState, routing: Routing) -> list[Skip]:
    found = (find(episode, stored, routing) for find in (filtered, suspended, silenced, confirming))
    return [*chain.from_iterable(found), *hidden_by_flapping(episode, stored, state)]


def make_cards(
    episode: Episode, state: PipelineState, routing: Routing, channels: Mapping[str, ChannelId]
) -> tuple[Card, ...]:
    """The content of the episode's cards in these channels, each given by the card's key."""
    return tuple(_card(episode, state, routing, key, channel) for key, channel in channels.items())


def _card(episode: Episode, state: PipelineState, routing: Routing, key: str, channel: ChannelId) -> Card:
    audience = routing.audience(channel)
    failure = episode.kind is EpisodeKind.FAILURE
    at = _shown_at(episode, state)
    silence = routing.silence_in(channel, episode.kind, at) if episode.open else None
    return Card(
        key=key,
        channel=channel,
        pipeline=routing.pipeline,
        episode=episode,
        state=state,
        targets=notified_in(episode, channel) or _own_targets(episode, audience),
        stands_in_for=audience.stands_in_for if audience else (),
        guidance=_guidance_for(episode, routing) if failure else NO_GUIDANCE,
        origins=origins(routing, channel, episode.pages) if failure or episode.pages else (),
        silence=silence.note(routing.at or at) if silence else None,
    )


def _guidance_for(episode: Episode, routing: Routing) -> Guidance:
    note = note_on_error(routing.setup, episode)
    return replace(routing.guidance, on_error=note) if note else routing.guidance


def _shown_at(episode: Episode, state: PipelineState) -> datetime:
    """The time of the latest change, or of the latest reading: a card updated for a later reading is not late."""
    at = episode.timeline[-1].at if episode.timeline else episode.opened_at
    return max(at, state.observation.observed_at) if state.observation else at


def _own_targets(episode: Episode, audience: Audience | None) -> tuple[Target, ...]:
    """Of a failure that began before pages were stored. Nobody is paged for one that a person resolved."""
    older = episode.kind is EpisodeKind.FAILURE and not episode.pages and episode.resolved is None
    return audience.targets if audience and older else ()


def last_cards(
    episode: Episode, state: PipelineState, routing: Routing, channels: Mapping[str, ChannelId], at: datetime
) -> tuple[tuple[Card, ...], tuple[Message, ...]]:
    """The last update of these cards: each says that its conversation gets no further updates."""
    cards = make_cards(episode.unwatched(at), state, routing, channels)
    return cards, tuple(replace(sync_message(card, routing, fresh=False), made_at=at, earliest=None) for card in cards)


def sync_message(card: Card, routing: Routing, *, fresh: bool) -> Message:
    """The message that posts or updates a card. `fresh`: the channel doesn't know of this failure yet."""
    priority = Priority.UPDATE
    if fresh and card.episode.kind is EpisodeKind.FAILURE:
        priority = Priority.FAILURE if routing.audience(card.channel) else Priority.PAGE
    elif card.episode.outcome is EpisodeOutcome.RECOVERED:
        priority = Priority.RECOVERY
    earliest = card.episode.timeline[-1].after if card.episode.timeline else None
    body = SyncCard(card.key)
    return Message(
        id=card.key,
        receiver=Receiver.from_name(routing.team, card.channel),
        priority=priority,
        body=body,
        made_at=_shown_at(card.episode, card.state),
        earliest=earliest,
    )


def thread_entries(
    episode: Episode,
    stored: Episode | None,
    routing: Routing,
    key: str,
    channel: ChannelId,
    *,
    called: Collection[str] = (),
) -> list[Message]:
    """The new entries of a card's thread. In a direct message that pages, only the news of the failure.

    If a channel has two cards of the episode, only the first card's thread broadcasts the news. `called`: the
    conversations whose people a message of this step calls. It tells them of a problem that came after the card.
    """
    audience = routing.audience(channel)
    style = follow_up_style(routing.setup, channel)
    named = {target.direct for audience in routing.audiences for target in audience.targets}
    paged = channel in named or channel in episode.direct_conversations
    messages = []
    for entry in entries_for(channel, episode, stored, routing):
        news = episode.kind is EpisodeKind.FAILURE and (entry.ends or entry.reopens or entry.flap is not None)
        events = hears(audience, entry, entry.events) if audience else False
        diagnosed = Event.DIAGNOSED in entry.events
        adds_problem = adds_a_problem(episode.kind, entry) and channel not in called
        wanted = events or diagnosed or (news and (entry.flap is not None or not audience) and (paged or audience))
        if not wanted or routing.silence_in(channel, episode.kind, entry.at):
            continue
        body = ThreadEntry(
            card_key=key,
            pipeline=routing.pipeline,
            entry=entry,
            broadcast=(news or adds_problem) and key == episode.card_in(channel) and style is not FollowUpStyle.THREAD,
            in_channel=style is FollowUpStyle.CHANNEL,
            diagnosis=episode.diagnosis if diagnosed else None,
        )
        messages.append(
            Message(
                id=stable_key(key, str(entry.revision)),
                receiver=Receiver.from_name(routing.team, channel),
                priority=Priority.RECOVERY if news else Priority.UPDATE,
                body=body,
                made_at=entry.at,
                earliest=entry.after,
            )
        )
    return messages
