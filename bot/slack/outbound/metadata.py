"""The mark that each of our messages carries in its metadata, by which it is found again. Pure.

Source: https://docs.slack.dev/messaging/message-metadata
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.domain.card import Card, Content, Group
from bot.domain.delivery import Absent, Delivery, Lookup, LookupResult, Seen
from bot.domain.episode import EpisodeKind

EVENT_TYPE = "pipeline_bot_delivery"  # letters, digits, _ and - only: with anything else Slack drops the metadata
SHORT = 12  # so much of a card's key tells it from the others of one group


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """`failing` is the pipeline whose open failure the message shows; `cards` are those that it tells of, by the
    beginning of their keys, with the revision with which each came."""

    ts: str
    key: str
    failing: str = ""
    cards: Mapping[str, int] = field(default_factory=dict)
    threaded: bool = False


def metadata_of(delivery: Delivery, content: Content) -> Mapping[str, object]:
    payload: dict[str, object] = {"key": delivery.id}
    match content:
        case Card():
            failing = content.episode.open and content.episode.kind is EpisodeKind.FAILURE
            payload |= {"revision": content.revision, "failing": content.pipeline.id if failing else ""}
            payload |= {"cards": _cards_told(content)}
        case Group():
            payload |= {"revision": content.revision, "cards": _cards_told(*content.cards)}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _cards_told(*cards: Card) -> str:
    return " ".join(f"{card.key[:SHORT]}:{card.came_at}" for card in cards)


def _cards_in(told: object) -> dict[str, int]:
    pairs = (each.partition(":") for each in str(told or "").split())
    return {key: int(revision) if revision.isdecimal() else 0 for key, _, revision in pairs}


def marks_in(body: Mapping[str, object], user: str) -> list[Mark]:
    """Those of `user`'s messages on one page of a channel's history or a thread's replies."""
    messages = body.get("messages")
    ours = (
        [each for each in messages if isinstance(each, dict) and each.get("user") == user]
        if isinstance(messages, list)
        else []
    )
    return [mark for message in ours if (mark := _mark(message))]


def _mark(message: Mapping[str, object]) -> Mark | None:
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload")
    if not isinstance(payload, dict):
        return None
    return Mark(
        ts=str(message.get("ts")),
        key=str(payload.get("key")),
        failing=str(payload.get("failing") or ""),
        cards=_cards_in(payload.get("cards")),
        threaded=bool(message.get("reply_count")),
    )


def sighting(marks: Iterable[Mark], trace: Lookup) -> LookupResult:
    """What has the key itself comes first; else the group that tells of the card, or an open card of the failure."""
    marks = [mark for mark in marks if not _is_earlier(mark, trace)]
    marks.sort(key=lambda mark: (not mark.threaded, mark.ts))
    if same := [mark for mark in marks if mark.key == trace.key]:
        return Seen(tuple(mark.ts for mark in same), came_at=_came_at(same[0], trace))
    if group := next((mark for mark in marks if trace.key[:SHORT] in mark.cards), None):
        return Seen((group.ts,), group=group.key, came_at=_came_at(group, trace))
    if trace.failing and (card := next((mark for mark in marks if mark.failing == trace.failing), None)):
        return Seen((card.ts,))
    return Absent()


def _is_earlier(mark: Mark, trace: Lookup) -> bool:
    earlier = trace.earlier
    if earlier is None or (earlier.over and (mark.failing or mark.key != trace.key)):
        return False
    return mark.ts < f"{earlier.before.timestamp():.6f}"


def _came_at(mark: Mark, trace: Lookup) -> dict[str, int]:
    return {key: mark.cards.get(key[:SHORT], 0) for key in trace.cards}
