"""Plans what the begin and the end of silences change for one pipeline. Level-triggered: a repeat plans nothing. Pure.

When a silence begins, the channel's open card shows it. When it ends, an open problem gets its card, a failure that
nobody answered gets its page, and a digest says what began and ended meanwhile.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.delivery import Message, Priority, Receiver
from bot.domain.episode import Episode, EpisodeKind, stable_key
from bot.domain.episode_plan import plan_episode
from bot.domain.held_news import HeldNews
from bot.domain.page_plan import plan_newly_named
from bot.domain.page_silences import following_silences
from bot.domain.plan import Plan, Record, plan_redrawn
from bot.domain.routing import Routing, channels_without_lag, conversations
from bot.domain.setup import SetupKind
from bot.domain.silence import Mute, Silence
from bot.domain.summary import Digest, DigestEntry
from bot.domain.watch import ChannelId

PROBLEMS = frozenset(
    {
        *(EpisodeKind.FAILURE, EpisodeKind.DEGRADED, EpisodeKind.UNREADABLE),
        *(EpisodeKind.LAG, EpisodeKind.DRIFT),
    }
)
DIGEST_WAIT = timedelta(seconds=2)  # a silence may end for many pipelines: one digest names all of them


def plan_silences(record: Record, routing: Routing, at: datetime) -> Plan | None:
    """Brings the record and its cards in line with the silences at this moment. None: nothing has changed."""
    routing = replace(routing, at=at)
    stored, record = record, _with_pages(record, routing, at)
    before = record.held
    begun = _begun(record, routing, at)
    over = [channel for channel in before if not routing.silence_in(channel, EpisodeKind.OTHER, at)]
    opening = [channel for channel in before if _opens(record, routing, channel, at)]
    if not begun and not over and not opening:
        return None if record is stored else Plan(record=record)
    held = {channel: news for channel, news in {**before, **begun}.items() if channel not in over}
    for channel in held.keys() & opening:  # quiet hours hold back no failures
        entry = _without_episode(held[channel], record.episode)
        held = {**held, channel: replace(held[channel], entry=entry)}
    held = {channel: news for channel, news in held.items() if news.entry or channel not in opening}
    digests = _digests(record, routing, {channel: before[channel] for channel in over}, opening, at)
    plan = Plan(record=replace(record, held=held))
    if _has_card(record.episode, [*begun, *over]):
        plan = _joined(plan, plan_redrawn(plan.record, routing))
    for channel in opening:
        plan = _joined(plan, _opened(plan.record, routing, channel))
    for channel in over:
        plan = _joined(plan, plan_newly_named(plan.record, routing, channel))
    return replace(plan, messages=(*plan.messages, *digests))


def _with_pages(record: Record, routing: Routing, at: datetime) -> Record:
    """The record with its pages held back, or due again. The timers call."""
    if record.episode is None:
        return record
    episode = following_silences(record.episode, routing, at)
    return record if episode is record.episode else replace(record, episode=episode)


def _joined(plan: Plan, following: Plan | None) -> Plan:
    """Both plans in one. The later one was made for the record of the first."""
    if following is None:
        return plan
    cards = {card.key: card for card in (*plan.cards, *following.cards)}
    messages = {message.id: message for message in (*following.messages, *plan.messages)}
    skips = (*plan.skips, *following.skips)
    return Plan(record=following.record, cards=tuple(cards.values()), messages=tuple(messages.values()), skips=skips)


def _begun(record: Record, routing: Routing, at: datetime) -> dict[ChannelId, HeldNews]:
    """The channels with an open card that does not show their silence yet."""
    episode = record.episode
    if episode is None or not episode.open:
        return {}
    found = (
        (channel, routing.silence_in(channel, episode.kind, at))
        for channel in episode.cards.values()
        if channel not in record.held and routing.audience(channel)
    )
    return {channel: HeldNews(kind=silence.kind) for channel, silence in found if silence and _shows(episode, silence)}


def _shows(episode: Episode, silence: Silence) -> bool:
    """Open cards of paused and deployed pipelines may be many: only a mute of one pipeline updates those."""
    if silence.kind is SetupKind.QUIET_HOURS:
        return False
    return episode.kind in PROBLEMS or (isinstance(silence, Mute) and not silence.pattern)


def _opens(record: Record, routing: Routing, channel: ChannelId, at: datetime) -> bool:
    """True if the channel has no card of an open problem that no silence holds back any more."""
    episode = record.episode
    if episode is None or not episode.open or episode.kind not in PROBLEMS or episode.card_in(channel):
        return False
    if routing.audience(channel) is None or routing.silence_in(channel, episode.kind, at):
        return False
    without_lag = channels_without_lag(episode, record.state, routing)
    return channel not in without_lag or channel in conversations(episode, episode, routing, without_lag)


def _has_card(episode: Episode | None, channels: Sequence[ChannelId]) -> bool:
    return episode is not None and any(episode.card_in(channel) for channel in channels)


def _opened(record: Record, routing: Routing, channel: ChannelId) -> Plan | None:
    """Opens the card of the open episode, as for a channel that begins to watch."""
    episode, audience = record.episode, routing.audience(channel)
    if episode is None or audience is None:
        return None
    only = replace(routing, audiences=[audience])
    plan = plan_episode(episode, episode, record.state, only, at=routing.at, only=channel)
    return Plan(record=replace(record, episode=plan.episode), cards=plan.cards, messages=plan.messages)


def _digests(
    record: Record, routing: Routing, over: dict[ChannelId, HeldNews], opening: Sequence[ChannelId], at: datetime
) -> list[Message]:
    found = []
    for channel, news in over.items():
        entry = _entry(record, routing, channel, news, shown=channel in opening)
        if entry and routing.audience(channel):
            found.append(_digest(routing, channel, news.kind, entry, at))
    return found


def _entry(record: Record, routing: Routing, channel: ChannelId, news: HeldNews, *, shown: bool) -> DigestEntry | None:
    """The line of the digest. `shown`: the open episode gets a card of its own now, which tells its part."""
    episode = record.episode
    if episode is None or not episode.open or episode.kind not in PROBLEMS:
        return news.entry
    opened_since = news.entry is not None and news.entry.since <= episode.opened_at  # by a timer or a diagnosis
    if shown or opened_since or not episode.card_in(channel):
        return _without_episode(news, episode)
    if news.entry:
        return news.entry
    last = episode.timeline[-1]
    return DigestEntry(pipeline=routing.pipeline, counts={}, since=episode.opened_at, until=last.at, last=last)


def _without_episode(news: HeldNews, episode: Episode | None) -> DigestEntry | None:
    """The news without those of the open episode, whose own card tells them. None: nothing is left."""
    if news.entry is None or episode is None:
        return news.entry
    shown = Counter(event for entry in episode.timeline for event in entry.events)
    remaining = Counter(news.entry.counts) - shown
    return replace(news.entry, counts=dict(remaining)) if remaining else None


def _digest(routing: Routing, channel: ChannelId, kind: SetupKind, entry: DigestEntry, at: datetime) -> Message:
    parts = (channel, routing.pipeline.id, kind, entry.since.isoformat(), entry.until.isoformat())
    key = stable_key(routing.team, "silence", *parts)
    return Message(
        id=key,
        receiver=Receiver.from_name(routing.team, channel),
        priority=Priority.RECOVERY,
        body=Digest(key=key, entries=(entry,), silence=kind),
        made_at=at,
        not_before=at + DIGEST_WAIT,
    )
