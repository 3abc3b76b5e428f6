"""The end of a repeated call: once nobody is needed, its message says who answered, and loses its button. Pure.

The bot remembers each posted call until then, and edits it once. An edit pings nobody.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bot.domain.card import PostedCard
from bot.domain.delivery import Delivery, Message, Priority
from bot.domain.episode import Episode, EpisodeOutcome, stable_key
from bot.domain.notice import CallEnd, CallEndKind, Notice, NoticeKind, OpenFailure, PostedCall


def ending_of(call: Delivery, message_id: str, at: datetime) -> Message | None:
    """The edit to make when all failures of this posted call have an answer or are over. None: it is no call."""
    body = call.body
    if not isinstance(body, Notice) or body.kind is not NoticeKind.CALL_AGAIN:
        return None
    posted = PostedCall(key=call.id, message_id=message_id)
    over = Notice(kind=NoticeKind.CALL_OVER, at=body.at, failures=body.failures, posted=posted)
    return Message(
        id=stable_key(call.id, "over"), receiver=call.receiver, priority=Priority.UPDATE, body=over, made_at=at
    )


def is_over(ending: Message, cards: Mapping[str, PostedCard]) -> bool:
    """True if no failure of the call needs anybody. A card that the store forgot ended long ago."""
    failures = ending.body.failures if isinstance(ending.body, Notice) else ()
    return not any(_needs_somebody(cards.get(failure.card_key)) for failure in failures)


def may_end_calls(card: PostedCard) -> bool:
    """True if the card may show the answer to a call, or the end of the failure."""
    episode = card.content.episode
    return bool(episode.pages) and not episode.unanswered


def with_ends(over: Notice, cards: Mapping[str, PostedCard]) -> Notice:
    """The notice with the present end of each failure."""
    return replace(over, failures=tuple(_with_end(failure, cards.get(failure.card_key)) for failure in over.failures))


def _needs_somebody(card: PostedCard | None) -> bool:
    return card is not None and card.content.episode.unanswered


def _with_end(failure: OpenFailure, card: PostedCard | None) -> OpenFailure:
    return replace(failure, end=_end_of(card.content.episode)) if card else failure


def _end_of(episode: Episode) -> CallEnd | None:
    """None: it needs somebody again."""
    answer = episode.acknowledged
    if episode.closed_at:
        recovered = episode.outcome is EpisodeOutcome.RECOVERED
        return CallEnd(kind=CallEndKind.RECOVERED if recovered else CallEndKind.OVER, at=episode.closed_at)
    if episode.resolved:
        return CallEnd(kind=CallEndKind.RESOLVED, at=episode.resolved.at, name=episode.resolved.name)
    if answer is None:
        return None
    kind = CallEndKind.SNOOZED if answer.snoozed else CallEndKind.ACKNOWLEDGED
    return CallEnd(kind=kind, at=answer.at, name=answer.name)
