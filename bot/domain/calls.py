"""The messages of a page's steps: to channels, to people, and to pagers. Pure.

A conversation that gets the failure's card in the same step needs no other message: the card itself calls.
A pager's messages about one episode have one deduplication key.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.delivery import Message, Priority, Receiver
from bot.domain.episode import Episode, EpisodeOutcome, stable_key
from bot.domain.follow_ups import FollowUpStyle, call_style
from bot.domain.notice import CallReason, Notice, NoticeKind, OpenFailure
from bot.domain.page_progress import Call, Paged, pagers_among
from bot.domain.pager import PagedFailure, PagerAction, PagerEvent, PagingEnd
from bot.domain.pager_messages import pager_messages, renewing_messages
from bot.domain.pages import pagers_of
from bot.domain.paging_targets import has_stopped_paging, paged_event
from bot.domain.routing import Routing
from bot.domain.watch import ChannelId, Target

MERGE_WAIT = timedelta(seconds=2)  # many pipelines may be due together: one message names all of them


@dataclass(frozen=True, slots=True)
class _Context:
    """The step of the episode that calls."""

    episode: Episode
    shown: Collection[ChannelId]
    routing: Routing
    at: datetime


def call_messages(
    calls: Iterable[Call], episode: Episode, shown: Collection[ChannelId], routing: Routing, at: datetime
) -> tuple[Message, ...]:
    """The messages of these steps to conversations that have a card of the episode already.

    `shown`: the conversations that had a card before this step.
    """
    context = _Context(episode, shown, routing, at)
    messages = [message for call in calls for message in (*_to_channels(call, context), *_to_people(call, context))]
    return tuple({message.id: message for message in messages}.values())


def _to_channels(call: Call, context: _Context) -> list[Message]:
    channels = [channel for channel in call.page.channels if channel in context.shown]
    return [_notice(call, channel, call.targets, context) for channel in channels]


def _to_people(call: Call, context: _Context) -> list[Message]:
    """To those who are called again. The first call of a person is a card of their own."""
    return [
        _notice(call, target.direct, (target,), context, priority=Priority.PAGE)
        for target in call.direct
        if target.direct and target.direct in context.shown and target.direct not in call.page.channels
    ]


def _notice(
    call: Call,
    channel: ChannelId,
    targets: tuple[Target, ...],
    context: _Context,
    *,
    priority: Priority = Priority.FAILURE,
) -> Message:
    episode, at = context.episode, context.at
    direct = priority is Priority.PAGE
    style = FollowUpStyle.CHANNEL if direct else call_style(context.routing.setup, channel, targets)
    failure = OpenFailure.of(episode, context.routing.pipeline, episode.card_in(channel) or "")
    notice = Notice(
        kind=NoticeKind.CALL_AGAIN,
        at=at.replace(second=0, microsecond=0),  # calls of the same minute can become one message
        targets=targets,
        failures=(failure,),
        call=call.words,
        in_thread=style is not FollowUpStyle.CHANNEL,
        broadcast=style is not FollowUpStyle.THREAD,
    )
    place = (str(call.page.attempt), str(call.page.position), call.words.reason)
    return Message(
        id=stable_key(call.page.key, channel, *place, *(target.identity for target in targets)),
        receiver=Receiver.from_name(context.routing.team, channel),
        priority=priority,
        body=notice,
        made_at=at,
        not_before=at + MERGE_WAIT,
    )


# --- pagers ----------------------------------------------------------------------------------------------------------


def messages_to_pagers(paged: Paged, stored: Episode | None, routing: Routing, at: datetime) -> tuple[Message, ...]:
    """The messages to pagers outside Slack: what they should do about this episode now."""
    episode = paged.episode
    if end := _paging_end(episode, stored):
        known = pagers_of(stored or episode)
        return _to_pagers(known, PagerAction.RESOLVE, episode, routing, at, end=end)
    before = pagers_of(stored) if stored else ()
    messages = [*released_pagers(stored, episode, routing, at)] if stored else []
    for call in paged.calls:
        named = pagers_among(call.targets)
        messages += _to_pagers(named, PagerAction.TRIGGER, episode, routing, at, call=call, known=before)
    messages += _to_pagers(paged.resumed, PagerAction.TRIGGER, episode, routing, at)
    answer = episode.acknowledged
    if stored and answer and answer != stored.acknowledged:
        messages += _to_pagers(before, PagerAction.ACKNOWLEDGE, episode, routing, at)
    return tuple({message.id: message for message in messages}.values())


def released_pagers(before: Episode, after: Episode | None, routing: Routing, at: datetime) -> tuple[Message, ...]:
    """Ends the paging at pagers that no page has any more, because a channel stopped watching or its watch changed.

    `after` None: nobody watches the pipeline any more.
    """
    if not before.open or before.resolved:
        return ()
    staying = pagers_of(after) if after else ()
    leaving = [pager for pager in pagers_of(before) if pager not in staying]
    return _to_pagers(leaving, PagerAction.RESOLVE, after or before, routing, at, end=PagingEnd.CLOSED)


_RENEWING = {CallReason.PROMISE_MISSED, CallReason.FAILED_AGAIN}


def _paging_end(episode: Episode, stored: Episode | None) -> PagingEnd | None:
    """Why the paging ends with this step; None if it goes on, or ended before."""
    if episode.resolved:
        return PagingEnd.RESOLVED if stored and not stored.resolved else None
    if stored and has_stopped_paging(episode, stored):
        return PagingEnd.CLOSED
    if episode.open or (stored and not stored.open):
        return None
    return PagingEnd.RECOVERED if episode.outcome is EpisodeOutcome.RECOVERED else PagingEnd.CLOSED


def _to_pagers(
    pagers: Iterable[Target],
    action: PagerAction,
    episode: Episode,
    routing: Routing,
    at: datetime,
    *,
    call: Call | None = None,
    known: Collection[Target] = (),
    end: PagingEnd = PagingEnd.RECOVERED,
) -> tuple[Message, ...]:
    """One event for each of these pagers that the settings still name. `known`: those that were paged before."""
    answer = episode.resolved or episode.acknowledged
    failure = _paged_failure(episode, routing, call.page.channels if call else ())
    last_resort = call is not None and call.words.reason is CallReason.LAST_RESORT
    event = PagerEvent(
        action=action,
        key=failure.key,
        failures=(failure,),
        policy=call.words.policy if call else "",
        step=(call.page.position or 1) + last_resort if call else 1,
        steps=call.words.steps if call else 0,
        last_resort=last_resort,
        by_name=answer.name if answer else "",
        origin=answer.pager if answer and _tells_of_answer(action, end) else "",
        end=end,
    )
    renews = call is not None and call.words.reason in _RENEWING
    messages: list[Message] = []
    for pager in (pager for pager in pagers if pager.id in routing.pagers):
        make = renewing_messages if renews and pager in known else pager_messages
        receiver = Receiver(routing.team, routing.pagers[pager.id], pager.id)
        messages += make(event, receiver, at, occasion=(str(episode.revision),))
    return tuple(messages)


def _paged_failure(episode: Episode, routing: Routing, shown_in: Iterable[ChannelId]) -> PagedFailure:
    channel = _channel_of(shown_in, episode, routing)
    return PagedFailure(
        key=stable_key(routing.team, episode.pipeline_id, episode.identity),
        pipeline=routing.pipeline,
        event=paged_event(episode),
        end_of_run=episode.end_of_run,
        since=episode.began_at,
        first_seen=episode.found_begun,
        card_key=episode.key(routing.team, channel) if channel else "",
        card_link=routing.channel_link(channel) if channel else "",
    )


def _channel_of(shown_in: Iterable[ChannelId], episode: Episode, routing: Routing) -> ChannelId | None:
    """A channel with a card of the episode: one of the page's own, or else any that watches the pipeline."""
    watching = (audience.channel for audience in routing.audiences)
    pages = (channel for page in episode.pages for channel in page.channels)
    return next(iter([*shown_in, *pages, *watching]), None)


def _tells_of_answer(action: PagerAction, end: PagingEnd) -> bool:
    return action is PagerAction.ACKNOWLEDGE or (action is PagerAction.RESOLVE and end is PagingEnd.RESOLVED)
