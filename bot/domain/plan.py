"""Plans the write after one reading, one click or one new watch: the state and its deliveries, always together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.domain.calls import released_pagers
from bot.domain.card import Card
from bot.domain.confirmation import confirmed_by
from bot.domain.delivery import Message
from bot.domain.episode import Episode, EpisodeKind, open_failure
from bot.domain.episode_plan import EpisodePlan, last_cards, make_cards, plan_episode, sync_message, thread_entries
from bot.domain.escalation import PageEvent
from bot.domain.flap_story import flap_after, is_to_be_redrawn, redrawn
from bot.domain.held_news import NOTHING_HELD, HeldNews, with_held_news
from bot.domain.history import Stretch, acts, ended_stretch, stretch_of, unwatched
from bot.domain.left_failure import LeftFailure, continued, left_failure
from bot.domain.observation import FailedRead, PipelineId, Reading
from bot.domain.pages import timer_at, without_conversations
from bot.domain.receipt import Skip
from bot.domain.routing import Routing, as_first_seen, left_meanwhile, without_cards
from bot.domain.story import advance
from bot.domain.transition import PipelineState, Transition, detect
from bot.domain.unjudged_stop import separate_stop
from bot.domain.watch import Audience, ChannelId


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All stored data of one pipeline, except its history."""

    pipeline_id: PipelineId
    state: PipelineState = field(default_factory=PipelineState)
    episode: Episode | None = None
    """The current episode, or the last one if it has ended."""
    identities: Mapping[EpisodeKind, str] = field(default_factory=dict)
    """The identity of the last episode of each kind, so that the next one gets another."""
    held: Mapping[ChannelId, HeldNews] = field(default_factory=lambda: NOTHING_HELD)
    """The news that silences hold back, by channel."""
    flap: tuple[datetime, ...] = ()
    """The times of the last changes between well and ill, by which `FlapWindow` finds a flapping pipeline."""
    left: LeftFailure | None = None
    """The failure that was open when the last watch ended, until a reading shows whether it goes on."""
    unjudged_stop: tuple[Transition, ...] = ()
    """The stop of a bounded run, until the bot knows how the run ended."""
    version: int = 0
    """Counts the writes. The store refuses a plan that was made for another version."""

    @property
    def next_at(self) -> datetime | None:
        """When `plan_timer` has something to do. None: no timer runs, as between two failures of one episode."""
        episode = self.episode
        if episode and episode.kind is EpisodeKind.FAILURE and self.state.failed_since is None:
            return None
        return timer_at(episode)

    @property
    def is_held_back(self) -> bool:
        """True if a silence holds back news or a page. Its end has something to do."""
        return bool(self.held) or (self.episode is not None and any(page.silenced for page in self.episode.pages))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One atomic write."""

    record: Record
    transitions: tuple[Transition, ...] = ()
    cards: tuple[Card, ...] = ()
    messages: tuple[Message, ...] = ()
    skips: tuple[Skip, ...] = ()
    """Who is not notified of this step, and why."""
    stretch: Stretch | None = None
    """The time live, or not live, that ended with this step."""
    must_be_written: bool = True
    """False if a reading brought nothing new: steady pipelines cost the store nothing."""


def plan_reading(record: Record, reading: Reading, routing: Routing, gap_from: timedelta | None = None) -> Plan:
    """Plans for one reading. Even a plan that need not be written has the newer reading in its record.

    `gap_from`: so much time or more between two readings is a gap.
    """
    before, episode = record.state, record.episode
    state, transitions = detect(before, reading, gap_from)
    if episode and before.gap and state.gap != before.gap:
        episode = episode.with_earlier_gap(before.gap)
    at = reading.at if isinstance(reading, FailedRead) else reading.observed_at
    changes, unjudged = separate_stop(record.unjudged_stop, transitions, episode, routing, at)
    record = replace(record, state=state, episode=episode, unjudged_stop=unjudged)
    return plan_transitions(record, changes, routing, before=before, at=at)


def plan_transitions(
    record: Record, transitions: tuple[Transition, ...], routing: Routing, *, before: PipelineState, at: datetime
) -> Plan:
    """Plans for these transitions. `record` has the state after them, `before` is the state before them."""
    flap = flap_after(record.flap, transitions, at, routing.flap_window, episode=record.episode, state=record.state)
    left = record.left
    record = replace(record, flap=flap.changes, left=left if left and left.may_go_on(record.state, at) else None)
    touched = advance(record.episode, transitions, record.state, record.identities, flap)
    touched = touched or _touched_without_news(record, transitions, routing, before, at)
    if not touched:
        if not transitions and _persisted(before) == _persisted(record.state):
            return Plan(record=record, must_be_written=False)
        return Plan(record=record, transitions=transitions, stretch=ended_stretch(before, record.state))
    plans, last, held = list[EpisodePlan](), record.episode, record.held
    for advanced in touched:
        same = last is not None and last.identity == advanced.identity
        stored = last if same else None
        episode = advanced if stored else continued(advanced, left, record.state, at)
        if left and episode is not advanced:
            record = replace(record, state=left.resumed(record.state))
            transitions = left.marked(transitions)
        if stored and (leaving := left_meanwhile(stored, routing)):
            stored, episode = without_cards(stored, leaving), without_conversations(episode, leaving, at)
        held = with_held_news(held, episode, stored, routing)
        episode, draws = redrawn(episode, stored, at)
        previous = None if same else last
        plans.append(plan_episode(episode, stored, record.state, routing, previous_episode=previous, draws=draws))
        last = plans[-1].episode
    return Plan(
        record=replace(
            record,
            episode=plans[-1].episode,
            held=held,
            identities={**record.identities, **{plan.episode.kind: plan.episode.identity for plan in plans}},
        ),
        transitions=transitions,
        cards=tuple(card for plan in plans for card in plan.cards),
        messages=tuple(message for plan in plans for message in plan.messages),
        skips=tuple(skip for plan in plans for skip in plan.skips),
        stretch=ended_stretch(before, record.state),
    )


def _touched_without_news(
    record: Record, transitions: Sequence[Transition], routing: Routing, before: PipelineState, at: datetime
) -> tuple[Episode, ...]:
    """The episode that changes although its story does not go on: a further reading, another state on its card."""
    episode = record.episode
    if episode is None:
        return ()
    if not transitions and (confirmed := confirmed_by(episode, record.state, routing)):
        return (confirmed,)
    if episode.open and not record.unjudged_stop and _shown(before) != _shown(record.state):
        return (replace(episode, revision=episode.revision + 1),)
    return (episode,) if is_to_be_redrawn(episode, at) else ()


_IN_TROUBLE = frozenset({EpisodeKind.FAILURE, EpisodeKind.DEGRADED})


def plan_newcomer(record: Record, routing: Routing, channel: ChannelId) -> Plan | None:
    """A channel begins to watch. If the pipeline is in trouble already, its card opens there at once.

    If a silence holds back news there, its end opens the card.
    """
    episode, audience = record.episode, routing.audience(channel)
    routing = replace(routing, at=latest_time(record, audience))
    in_trouble = episode and episode.open and (episode.kind in _IN_TROUBLE or record.state.findings)
    if not episode or not in_trouble or audience is None or episode.card_in(channel) or channel in record.held:
        return None
    one = replace(routing, audiences=[audience])
    plan = plan_episode(episode, episode, record.state, one, at=routing.at, only=channel)
    if not plan.cards:
        return None
    return Plan(record=replace(record, episode=plan.episode), cards=plan.cards, messages=plan.messages)


def latest_time(record: Record, audience: Audience | None) -> datetime:
    """The latest of the record's times and of the channel's watches: as good as now for the begin of a silence."""
    times = [watch.made_at for watch in audience.watches] if audience else []
    if record.episode:
        times += [record.episode.opened_at, *(entry.at for entry in record.episode.timeline[-1:])]
    if record.state.observation:
        times.append(record.state.observation.observed_at)
    return max(times, default=datetime.min.replace(tzinfo=UTC))


def plan_redrawn(record: Record, routing: Routing, *, unread_at: datetime | None = None) -> Plan | None:
    """Updates the open card with the latest reading, because a person asked. `unread_at`: when a new read failed."""
    episode = record.episode
    if episode is None or not episode.open:
        return None
    plan = with_episode(record, routing, replace(episode, revision=episode.revision + 1))
    return replace(plan, cards=tuple(replace(card, unread_at=unread_at) for card in plan.cards))


def plan_failure_redrawn(record: Record, routing: Routing) -> Plan | None:
    """As `plan_redrawn`. None: no failure is open."""
    return plan_redrawn(record, routing) if open_failure(record.episode) else None


def plan_explained(
    record: Record, routing: Routing, reason: str, until: datetime | None, *, no_reader: bool
) -> Plan | None:
    """An open episode continues for another reason: updates its cards and posts nothing new."""
    episode = record.episode
    if episode is None or not episode.open or not episode.timeline:
        return None
    return with_episode(record, routing, episode.explained(reason, until, no_reader=no_reader))


def with_episode(
    record: Record, routing: Routing, episode: Episode, at: datetime | None = None, page_event: PageEvent | None = None
) -> Plan:
    """The record with a later version of its open episode. `page_event`: what a person or a timer does to its pages."""
    plan = plan_episode(episode, record.episode, record.state, routing, at=at, page_event=page_event)
    return Plan(
        record=replace(record, episode=plan.episode),
        transitions=acts(plan.episode, record.episode or plan.episode, record.state),
        cards=plan.cards,
        messages=plan.messages,
        skips=plan.skips,
    )


def plan_restored(record: Record, stored: Record, routing: Routing) -> Plan:
    """Writes a pipeline's record again after the store lost a part of it.

    The sender finds an already posted message by its key, and does not post it twice.
    """
    restored = replace(record, version=stored.version)
    episode = record.episode
    if episode is None:
        return Plan(record=restored)
    same = stored.episode if stored.episode and stored.episode.identity == episode.identity else None
    if same and not episode.open and same.revision >= episode.revision:
        return Plan(record=restored)  # another bot restored it
    cards = make_cards(episode, record.state, routing, episode.cards)
    syncs = [sync_message(card, routing, fresh=episode.open) for card in cards]
    entries = [
        message
        for key, channel in episode.cards.items()
        for message in thread_entries(episode, as_first_seen(episode, same, routing, key), routing, key, channel)
    ]
    return Plan(record=restored, cards=cards, messages=(*syncs, *entries))


def plan_forgotten(record: Record, routing: Routing, at: datetime) -> Plan:
    """Nobody watches the pipeline any more: forgets its state, and the open cards say so a last time.

    `identities` stay, so a later episode does not reuse the key of an old card. An open failure stays in `left`.
    """
    left = left_failure(record.episode, record.state, at) or record.left
    forgotten = Record(pipeline_id=record.pipeline_id, identities=record.identities, left=left, version=record.version)
    episode, stretch, stop = record.episode, stretch_of(record.state), record.unjudged_stop
    if episode is None or not episode.open:
        return Plan(record=forgotten, transitions=stop, stretch=stretch)
    cards, syncs = last_cards(episode, record.state, routing, episode.cards, at)
    ends = released_pagers(episode, None, routing, at)
    return Plan(
        record=forgotten,
        transitions=(*stop, unwatched(episode.pipeline_id, record.state, at)),
        cards=cards,
        messages=(*ends, *syncs),
        stretch=stretch,
    )


def plan_left(record: Record, routing: Routing, leaving: Collection[ChannelId], at: datetime) -> Plan | None:
    """Some conversations stop watching and others go on: the open cards of the former say so a last time.

    A conversation that another watch still covers keeps its card.
    """
    episode = record.episode
    if episode is None or not episode.open:
        return None
    covered = {audience.channel for audience in routing.audiences} | {
        target.direct for audience in routing.audiences for target in audience.targets
    }
    before = episode
    episode = without_conversations(episode, set(leaving) - covered, at)
    unpaged = set(before.direct_conversations) - set(episode.direct_conversations) - covered
    leaving_cards = {
        key: channel
        for key, channel in episode.cards.items()
        if (channel in leaving and channel not in covered) or channel in unpaged
    }
    if not leaving_cards:
        return None
    staying = {key: channel for key, channel in episode.cards.items() if key not in leaving_cards}
    cards, syncs = last_cards(episode, record.state, routing, leaving_cards, at)
    followed = tuple(audience.channel for audience in routing.audiences if audience.channel in staying.values())
    cards = tuple(replace(card, continues_in=followed) if _only_paged(episode, card) else card for card in cards)
    episode = replace(episode, cards=staying, generation=episode.generation + 1)
    ends = released_pagers(before, episode, routing, at)
    return Plan(record=replace(record, episode=episode), cards=cards, messages=(*ends, *syncs))


def _only_paged(episode: Episode, card: Card) -> bool:
    """True if the conversation has its card only because a watch elsewhere paged this person."""
    return episode.kind is EpisodeKind.FAILURE and card.key not in episode.paged


def remembered(stored: Record, known: Record) -> Record:
    """The stored record, with this process's later steady reading. The store holds no steady readings."""
    observation, latest = stored.state.observation, known.state.observation
    same = _persisted(stored.state) == _persisted(known.state)
    if not same or not observation or not latest or latest.observed_at <= observation.observed_at:
        return stored
    return replace(stored, state=replace(stored.state, observation=latest))


def _shown(state: PipelineState) -> tuple[object, ...]:
    """The part of the state that a card shows. A change updates the card without a new message."""
    observation = state.observation
    now = observation and (observation.phase, observation.ready, observation.replicas)
    return (state.reach, now, state.run and state.run.end, state.findings)


def _persisted(state: PipelineState) -> tuple[object, ...]:
    """The part of the state that a restarted bot needs to derive the same transitions."""
    return (*_shown(state), state.uid, state.start_time, state.live, state.failed_since, state.gap, state.run)
