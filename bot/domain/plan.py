"""What is to be written because of one reading, one click or one new watch: state and deliveries, always together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.card import Card, Notice, NoticeKind, OpenFailure, PageOrigin, SyncCard, ThreadEntry
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import Acknowledgement, Episode, EpisodeKind, Outcome, TimelineEntry, advance, stable_key
from bot.domain.note import NO_GUIDANCE, Guidance
from bot.domain.observation import PipelineId, Reading
from bot.domain.transition import Event, PipelineState, Transition, detect
from bot.domain.watch import Audience, ChannelId, Target, TeamId, UserId

CALLS_WAIT = timedelta(seconds=2)  # one command may call to many pipelines: those become one message


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that is kept of one pipeline. `version` counts its writes: a plan made from another version is refused."""

    pipeline_id: PipelineId
    state: PipelineState = field(default_factory=PipelineState)
    episode: Episode | None = None
    identities: Mapping[EpisodeKind, str] = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One atomic write."""

    record: Record
    transitions: tuple[Transition, ...] = ()
    cards: tuple[Card, ...] = ()
    messages: tuple[Message, ...] = ()
    must_be_written: bool = True
    """False where a reading said nothing that was not known: steady pipelines cost the store nothing."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a plan plays: the workspace, the pipeline as people know it, and who watches it."""

    team: TeamId
    pipeline: Pipeline
    audiences: Sequence[Audience]
    guidance: Guidance = NO_GUIDANCE

    def audience(self, channel: ChannelId) -> Audience | None:
        return next((audience for audience in self.audiences if audience.channel == channel), None)


def plan_reading(record: Record, reading: Reading, routing: Routing) -> Plan:
    """What one reading causes. Where nothing is to be written the record still carries the fresher reading."""
    state, transitions = detect(record.state, reading)
    return plan_transitions(replace(record, state=state), transitions, routing, was=record.state)


def plan_transitions(
    record: Record, transitions: tuple[Transition, ...], routing: Routing, *, was: PipelineState
) -> Plan:
    touched = advance(record.episode, transitions, record.state, record.identities)
    if not touched and record.episode and record.episode.open and _facts(was) != _facts(record.state):
        touched = (replace(record.episode, revision=record.episode.revision + 1),)
    if not touched:
        news = bool(transitions) or _kept(was) != _kept(record.state)
        return Plan(record=record, transitions=transitions, must_be_written=news)
    told: list[_EpisodePlan] = []
    last = record.episode
    for episode in touched:
        same = last is not None and last.identity == episode.identity
        told.append(_plan_episode(episode, last if same else None, record.state, routing, after=None if same else last))
        last = told[-1].episode
    return Plan(
        record=replace(
            record,
            episode=told[-1].episode,
            identities={**record.identities, **{each.episode.kind: each.episode.identity for each in told}},
        ),
        transitions=transitions,
        cards=tuple(card for each in told for card in each.cards),
        messages=tuple(message for each in told for message in each.messages),
    )


def plan_acknowledgement(
    record: Record, routing: Routing, by: UserId, at: datetime, *, name: str = "", place: str = ""
) -> Plan | None:
    """Somebody answers the failure that is open now. None where there is nothing to answer, or somebody has already."""
    episode = record.episode
    if episode is None or not episode.open or episode.kind is not EpisodeKind.FAILURE or episode.acknowledged:
        return None
    line = TimelineEntry(
        revision=episode.revision + 1, at=at, events=(Event.ACKNOWLEDGED,), by=by, name=name, place=place
    )
    answered = replace(episode.with_entry(line), acknowledged=Acknowledgement(by=by, at=at, name=name, place=place))
    told = _plan_episode(answered, episode, record.state, routing)
    return Plan(record=replace(record, episode=told.episode), cards=told.cards, messages=told.messages)


def plan_newcomer(record: Record, routing: Routing, channel: ChannelId) -> Plan | None:
    """A channel begins to watch: if the pipeline is in trouble already, its card opens there at once."""
    episode, audience = record.episode, routing.audience(channel)
    in_trouble = episode and episode.open and episode.kind in {EpisodeKind.FAILURE, EpisodeKind.DEGRADED}
    if not episode or not in_trouble or audience is None or episode.card_in(channel):
        return None
    told = _plan_episode(episode, episode, record.state, replace(routing, audiences=[audience]), only=channel)
    if not told.cards:
        return None
    return Plan(record=replace(record, episode=told.episode), cards=told.cards, messages=told.messages)


def plan_newly_named(record: Record, routing: Routing, channel: ChannelId) -> Plan | None:
    """A watch names more people while its pipeline is FAILED: page them at once, and nobody else again. If somebody
    acknowledged, page nobody: that person looks at it."""
    episode, audience = record.episode, routing.audience(channel)
    unanswered = episode and episode.open and episode.kind is EpisodeKind.FAILURE and not episode.acknowledged
    key = episode.card_in(channel) if episode else None
    if not episode or not unanswered or audience is None or key is None:
        return None
    wanted = tuple(target.identity for target in audience.targets)
    paged_already = episode.paged.get(key)
    if paged_already is not None and set(wanted) <= set(paged_already):
        return None
    new = tuple(
        target for target in audience.targets if paged_already is not None and target.identity not in paged_already
    )
    paged = {
        **episode.paged,
        key: (*(paged_already or ()), *(each for each in wanted if each not in (paged_already or ()))),
    }
    direct = [each.direct for each in new if each.direct and each.direct not in episode.cards.values()]
    newcomers = {episode.key(routing.team, conversation): conversation for conversation in direct}
    told = {**episode.cards, **newcomers}
    episode = replace(episode, revision=episode.revision + 1, paged=paged, cards=told)
    cards = _cards(episode, record.state, routing, told)
    syncs = [_sync(card, routing, fresh=card.key in newcomers) for card in cards]
    calls = [_call(episode, routing, audience, key, new)] if new else []
    return Plan(record=replace(record, episode=episode), cards=cards, messages=(*calls, *syncs))


def _call(episode: Episode, routing: Routing, audience: Audience, card_key: str, targets: Sequence[Target]) -> Message:
    naming = [watch for watch in audience.watches if set(targets) & set(watch.targets)]
    latest = max(naming, key=lambda watch: watch.made_at)
    call = Notice(
        kind=NoticeKind.CALL,
        at=latest.made_at,
        by=latest.made_by,
        by_name=latest.made_by_name,
        targets=tuple(targets),
        failures=(
            OpenFailure(
                pipeline=routing.pipeline,
                card_key=card_key,
                since=episode.opened_at,
                first_seen=episode.first_seen,
            ),
        ),
    )
    key = stable_key(card_key, "call", *(target.identity for target in targets))
    return Message(
        id=key,
        receiver=in_slack(audience.channel),
        priority=Priority.FAILURE,
        body=call,
        made_at=latest.made_at,
        not_before=latest.made_at + CALLS_WAIT,
    )


def plan_redrawn(record: Record, routing: Routing, *, unread_at: datetime | None = None) -> Plan | None:
    """Nothing became so, but somebody asked: the open card is drawn with the latest reading. `unread_at`: when a fresh
    one could not be had."""
    episode = record.episode
    if episode is None or not episode.open:
        return None
    told = _plan_episode(replace(episode, revision=episode.revision + 1), episode, record.state, routing)
    cards = tuple(replace(card, unread_at=unread_at) for card in told.cards)
    return Plan(record=replace(record, episode=told.episode), cards=cards, messages=told.messages)


def plan_explained(record: Record, routing: Routing, reason: str, until: datetime | None) -> Plan | None:
    """An open episode continues for another reason: update its cards and post nothing new."""
    episode = record.episode
    if episode is None or not episode.open or not episode.timeline:
        return None
    told = _plan_episode(episode.explained(reason, until), episode, record.state, routing)
    return Plan(record=replace(record, episode=told.episode), cards=told.cards, messages=told.messages)


def plan_restored(record: Record, stored: Record, routing: Routing) -> Plan:
    """The store forgot a part of what was written of this pipeline: it is written again. Whatever was told already is
    found in Slack by its key, and not told twice."""
    restored = replace(record, version=stored.version)
    episode = record.episode
    if episode is None:
        return Plan(record=restored)
    same = stored.episode if stored.episode and stored.episode.identity == episode.identity else None
    cards = _cards(episode, record.state, routing, episode.cards)
    syncs = [_sync(card, routing, fresh=episode.open) for card in cards]
    lines = [
        line
        for key, channel in episode.cards.items()
        for line in _lines(episode, _as_it_came(episode, same, routing, key), routing, key, channel)
    ]
    return Plan(record=restored, cards=cards, messages=(*syncs, *lines))


def _as_it_came(episode: Episode, stored: Episode | None, routing: Routing, key: str) -> Episode:
    """What the channel has a card of: the story as the store knows it, else as far as what it wanted first. That its
    card told, and no line of the thread."""
    if stored and key in stored.cards:
        return stored
    channel = episode.cards[key]
    wanting = (
        line
        for line in episode.timeline
        if channel in _conversations(replace(episode, timeline=(line,)), None, routing)
    )
    return replace(episode, revision=next(wanting, episode.timeline[0]).revision)


def plan_forgotten(record: Record, routing: Routing, at: datetime) -> Plan:
    """Nobody watches any more: what comes later is not compared with today, and the open cards say so a last time. Old
    cards keep their identities."""
    forgotten, episode = replace(record, state=PipelineState(), episode=None), record.episode
    if episode is None or not episode.open:
        return Plan(record=forgotten)
    cards, syncs = _last_cards(episode, record.state, routing, episode.cards, at)
    return Plan(record=forgotten, cards=cards, messages=syncs)


def plan_left(record: Record, routing: Routing, leaving: Collection[ChannelId], at: datetime) -> Plan | None:
    """Some conversations hear of it no more, while others do: their open cards say so a last time. Whoever is told by
    another watch stays."""
    episode = record.episode
    if episode is None or not episode.open:
        return None
    told = {each.channel for each in routing.audiences} | {
        target.direct for each in routing.audiences for target in each.targets
    }
    left = {key: channel for key, channel in episode.cards.items() if channel in leaving and channel not in told}
    if not left:
        return None
    staying = {key: channel for key, channel in episode.cards.items() if key not in left}
    cards, syncs = _last_cards(episode, record.state, routing, left, at)
    followed = tuple(each.channel for each in routing.audiences if each.channel in staying.values())
    cards = tuple(replace(card, continues_in=followed) if _only_paged(episode, card) else card for card in cards)
    episode = replace(episode, cards=staying, generation=episode.generation + 1)
    return Plan(record=replace(record, episode=episode), cards=cards, messages=syncs)


def _only_paged(episode: Episode, card: Card) -> bool:
    """Whether the conversation had its card because a watch elsewhere paged this person."""
    return episode.kind is EpisodeKind.FAILURE and card.key not in episode.paged


def _last_cards(
    episode: Episode, state: PipelineState, routing: Routing, told: Mapping[str, ChannelId], at: datetime
) -> tuple[tuple[Card, ...], tuple[Message, ...]]:
    cards = _cards(episode.unwatched(at), state, routing, told)
    return cards, tuple(replace(_sync(card, routing, fresh=False), made_at=at, earliest=None) for card in cards)


def remembered(stored: Record, known: Record) -> Record:
    """As the store has it, with what is known of steady readings, which are not written."""
    observation, latest = stored.state.observation, known.state.observation
    same = _kept(stored.state) == _kept(known.state)
    if not same or not observation or not latest or latest.observed_at <= observation.observed_at:
        return stored
    return replace(stored, state=replace(stored.state, observation=latest))


@dataclass(frozen=True, slots=True)
class _EpisodePlan:
    episode: Episode
    cards: tuple[Card, ...]
    messages: tuple[Message, ...]


def _plan_episode(
    episode: Episode,
    before: Episode | None,
    state: PipelineState,
    routing: Routing,
    *,
    only: ChannelId | None = None,
    after: Episode | None = None,
) -> _EpisodePlan:
    """Every conversation's share of one step of one episode: the card where it has or gets one, lines where it had."""
    had = before.cards if before else {}
    wanting = [channel for channel in _conversations(episode, before, routing) if channel not in had.values()]
    newcomers = {episode.key(routing.team, channel): channel for channel in wanting}
    episode = replace(episode, cards={**had, **newcomers})
    episode = replace(episode, paged={**episode.paged, **_paged(episode, routing, newcomers)})
    cards = _cards(episode, state, routing, newcomers if only else episode.cards)
    syncs = [_sync(card, routing, fresh=card.key in newcomers) for card in cards]
    if after:
        syncs = [replace(sync, after_card=after.card_in(sync.receiver.channel) or "") for sync in syncs]
    told = {} if only else had
    lines = [line for key, channel in told.items() for line in _lines(episode, before, routing, key, channel)]
    return _EpisodePlan(episode, cards, (*syncs, *lines))


def _paged(episode: Episode, routing: Routing, told: Mapping[str, ChannelId]) -> dict[str, tuple[str, ...]]:
    """The people and groups that the first card of a failure pages, by channel."""
    if episode.kind is not EpisodeKind.FAILURE:
        return {}
    heard = {key: routing.audience(channel) for key, channel in told.items()}
    return {key: tuple(each.identity for each in those.targets) for key, those in heard.items() if those}


def _conversations(episode: Episode, before: Episode | None, routing: Routing) -> list[ChannelId]:
    """The channels that want this step told, and the direct messages of those whom a failure pages."""
    lines = _new_lines(episode, before) or episode.timeline
    events = {event for line in lines for event in _own_events(episode, line)}
    failure = episode.kind is EpisodeKind.FAILURE
    wanting = [
        audience
        for audience in routing.audiences
        if any(audience.wants(event) for event in events) or (failure and audience.targets)
    ]
    direct = [target.direct for audience in wanting for target in audience.targets if failure and target.direct]
    return list(dict.fromkeys([*(audience.channel for audience in wanting), *direct]))


def _new_lines(episode: Episode, before: Episode | None) -> list[TimelineEntry]:
    last = before.revision if before else 0
    return [line for line in episode.timeline if line.revision > last]


def _own_events(episode: Episode, line: TimelineEntry) -> tuple[Event, ...]:
    """What ended a story and opened another is told by the other: whoever was not told of the first need not be now."""
    superseded = line.ends and episode.outcome is Outcome.SUPERSEDED
    return line.events[:-1] if superseded else line.events


def _cards(episode: Episode, state: PipelineState, routing: Routing, told: Mapping[str, ChannelId]) -> tuple[Card, ...]:
    return tuple(_card(episode, state, routing, key, channel) for key, channel in told.items())


def _card(episode: Episode, state: PipelineState, routing: Routing, key: str, channel: ChannelId) -> Card:
    audience = routing.audience(channel)
    return Card(
        key=key,
        channel=channel,
        pipeline=routing.pipeline,
        episode=episode,
        state=state,
        targets=audience.targets if audience and episode.kind is EpisodeKind.FAILURE else (),
        stands_in_for=audience.stands_in_for if audience else (),
        guidance=routing.guidance if episode.kind is EpisodeKind.FAILURE else NO_GUIDANCE,
        origins=_origins(routing, channel) if episode.kind is EpisodeKind.FAILURE else (),
    )


def _origins(routing: Routing, channel: ChannelId) -> tuple[PageOrigin, ...]:
    """Of the pages that this conversation gets: the channel's own watches, or those that page one person."""
    paging = [
        watch
        for audience in routing.audiences
        for watch in audience.watches
        if (audience.channel == channel and watch.targets) or any(target.direct == channel for target in watch.targets)
    ]
    return tuple(
        dict.fromkeys(
            PageOrigin(
                by=each.made_by,
                name=each.made_by_name,
                channel=each.stands_in_for or each.channel,
                reference=each.reference,
                label=each.label,
            )
            for each in paging
        )
    )


def _sync(card: Card, routing: Routing, *, fresh: bool) -> Message:
    at = card.episode.timeline[-1].at if card.episode.timeline else card.episode.opened_at
    if card.state.observation:  # a card drawn again for a later reading tells nothing late
        at = max(at, card.state.observation.observed_at)
    priority = Priority.UPDATE
    if fresh and card.episode.kind is EpisodeKind.FAILURE:
        priority = Priority.FAILURE if routing.audience(card.channel) else Priority.PAGE
    elif card.episode.outcome is Outcome.RECOVERED:
        priority = Priority.RECOVERY
    earliest = card.episode.timeline[-1].after if card.episode.timeline else None
    body = SyncCard(card.key)
    return Message(
        id=card.key, receiver=in_slack(card.channel), priority=priority, body=body, made_at=at, earliest=earliest
    )


def _lines(episode: Episode, before: Episode | None, routing: Routing, key: str, channel: ChannelId) -> list[Message]:
    """What is added to the thread. Whoever is paged by direct message is told the end only. Of two cards in one
    channel one shows it there."""
    audience = routing.audience(channel)
    ends_failure = episode.kind is EpisodeKind.FAILURE and not episode.open
    paged = channel in {target.direct for each in routing.audiences for target in each.targets}
    told = []
    for line in _new_lines(episode, before):
        wanted = any(audience.wants(event) for event in line.events) if audience else paged and ends_failure
        if not wanted:
            continue
        shown = ends_failure and key == episode.card_in(channel)
        body = ThreadEntry(card_key=key, pipeline=routing.pipeline, entry=line, broadcast=shown)
        priority = Priority.RECOVERY if ends_failure else Priority.UPDATE
        told.append(
            Message(
                id=stable_key(key, str(line.revision)),
                receiver=in_slack(channel),
                priority=priority,
                body=body,
                made_at=line.at,
                earliest=line.after,
            )
        )
    return told


def _facts(state: PipelineState) -> tuple[object, ...]:
    """What a card shows of the moment; it is drawn again when this changes, without a word."""
    observation = state.observation
    return (state.reach, observation and (observation.phase, observation.ready, observation.replicas))


def _kept(state: PipelineState) -> tuple[object, ...]:
    """What a restarted bot must know to derive the same transitions."""
    return (*_facts(state), state.uid, state.start_time, state.live, state.failed_since)
