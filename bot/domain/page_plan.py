"""Plans the write after a person answers a page, after a timer, and after a watch names other people. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.calls import MERGE_WAIT, released_pagers
from bot.domain.delivery import Message, Priority, Receiver
from bot.domain.episode import Acknowledgement, Episode, EpisodeKind, TimelineEntry, stable_key
from bot.domain.episode_plan import make_cards, sync_message
from bot.domain.escalation import TOGETHER, PageAcknowledged, PageResolved, TimerDue
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.page_silences import postponed
from bot.domain.pages import following_watch, named_late
from bot.domain.plan import Plan, Record, latest_time, with_episode
from bot.domain.routing import Routing
from bot.domain.transition import Event
from bot.domain.watch import Audience, ChannelId, Target


def plan_acknowledgement(
    record: Record, routing: Routing, answer: Acknowledgement, *, takes_over: bool = False
) -> Plan | None:
    """A person acknowledges the open failure, takes it over or snoozes it.

    None: no failure is open, or somebody else has it. The same person may make another promise.
    """
    episode = record.episode
    if episode is None or not episode.answerable:
        return None
    before = episode.acknowledged
    if before and before.by != answer.by and not takes_over:
        return None
    own = before if before and before.by == answer.by else None
    if own and (_terms(own) == _terms(answer) or (_is_plain(answer) and not takes_over)):
        return None
    entry = replace(
        _entry_of(episode, Event.ACKNOWLEDGED, answer),
        promised_until=answer.until,
        snoozed=answer.snoozed,
        instead_of=before.name if before and before.by != answer.by else "",
    )
    acknowledged = replace(episode.with_entry(entry), acknowledged=answer)
    page_event = PageAcknowledged(by=answer.by, promised_until=answer.until, takes_over=takes_over)
    return with_episode(record, routing, acknowledged, answer.at, page_event)


def _is_plain(answer: Acknowledgement) -> bool:
    """True without a time or remark. Such a click, on an old button, must not end the promise that its person made."""
    return answer.until is None and not answer.remark


def _terms(answer: Acknowledgement) -> tuple[datetime | None, bool, str]:
    return answer.until, answer.snoozed, answer.remark


def plan_resolved(record: Record, routing: Routing, by: Acknowledgement) -> Plan | None:
    """A person ends the paging of this episode, although the failure may go on. None: there is nothing to end."""
    episode = record.episode
    if episode is None or not episode.answerable:
        return None
    resolved = replace(episode.with_entry(_entry_of(episode, Event.RESOLVED, by)), resolved=by)
    return with_episode(record, routing, resolved, by.at, PageResolved())


def plan_timer(record: Record, routing: Routing, at: datetime) -> Plan | None:
    """Serves the timers that are due: the next steps of pages, and promises that are over. None: none is due."""
    episode, due = record.episode, record.next_at
    if episode is None or due is None or due - at > TOGETHER:
        return None
    answer = episode.acknowledged
    if answer and answer.until and answer.until - at <= TOGETHER:
        entry = _entry_of(episode, Event.PROMISE_MISSED, replace(answer, at=at))
        episode = replace(episode.with_entry(replace(entry, snoozed=answer.snoozed)), acknowledged=None)
    elif waiting := postponed(episode, routing, at):
        return Plan(record=replace(record, episode=waiting))
    else:
        episode = replace(episode, revision=episode.revision + 1)
    return with_episode(record, routing, episode, at, TimerDue())


def _entry_of(episode: Episode, event: Event, by: Acknowledgement) -> TimelineEntry:
    return TimelineEntry(
        revision=episode.revision + 1,
        at=by.at,
        events=(event,),
        by=by.by,
        name=by.name,
        place=by.place,
        channel=by.channel,
        remark=by.remark,
    )


def plan_newly_named(record: Record, routing: Routing, channel: ChannelId) -> Plan | None:
    """A watch names more people while its pipeline is FAILED: pages them at once, and nobody twice.

    Pages nobody if somebody acknowledged the failure: that person looks at it. A person
    that the watches no longer name is not called again.
    """
    episode, audience = record.episode, routing.audience(channel)
    key = episode.card_in(channel) if episode else None
    if not episode or not episode.answerable or audience is None or key is None:
        return None
    if routing.silence_in(channel, episode.kind, latest_time(record, audience)):
        return None
    at = routing.at or max(watch.made_at for watch in audience.watches)
    followed = following_watch(episode, audience, routing, at)
    paged_already = episode.paged.get(key)
    new = [target for target in audience.targets if target.identity not in (paged_already or ())]
    if not new or episode.acknowledged or episode.kind is not EpisodeKind.FAILURE:
        ends = released_pagers(episode, followed, routing, at)
        return None if followed == episode else Plan(record=replace(record, episode=followed), messages=ends)
    before, paged = episode, named_late(followed, audience, new if paged_already is not None else [], routing, at)
    identities = (*(paged_already or ()), *(target.identity for target in new))
    episode = replace(paged.episode, revision=episode.revision + 1, paged={**episode.paged, key: identities})
    direct = [found for found in episode.direct_conversations if found not in episode.cards.values()]
    opened = {episode.key(routing.team, conversation): conversation for conversation in direct}
    channels = {**episode.cards, **opened}
    episode = replace(episode, cards=channels)
    cards = make_cards(episode, record.state, routing, channels)
    syncs = [sync_message(card, routing, fresh=card.key in opened) for card in cards]
    reached = tuple(dict.fromkeys(target for call in paged.calls for target in call.targets))
    late_pages = [_late_page(episode, routing, audience, new, reached)] if reached else []
    ends = released_pagers(before, episode, routing, at)
    return Plan(record=replace(record, episode=episode), cards=cards, messages=(*ends, *late_pages, *syncs))


def _late_page(
    episode: Episode,
    routing: Routing,
    audience: Audience,
    named: Sequence[Target],
    targets: tuple[Target, ...],
) -> Message:
    """The page to people who were named after the card came. It names the latest watch's maker.

    `named`: the targets as the watch has them. `targets`: the people and groups that they mean now.
    """
    naming = [watch for watch in audience.watches if set(named) & set(watch.targets)]
    latest = max(naming, key=lambda watch: watch.made_at)
    card_key = episode.card_in(audience.channel) or ""
    failure = OpenFailure.of(episode, routing.pipeline, card_key)
    late_page = Notice(
        kind=NoticeKind.LATE_PAGE,
        at=latest.made_at,
        by=latest.made_by,
        by_name=latest.made_by_name,
        targets=targets,
        failures=(failure,),
    )
    return Message(
        id=stable_key(card_key, "call", *(target.identity for target in targets)),
        receiver=Receiver.from_name(routing.team, audience.channel),
        priority=Priority.FAILURE,
        body=late_page,
        made_at=latest.made_at,
        not_before=latest.made_at + MERGE_WAIT,
    )
