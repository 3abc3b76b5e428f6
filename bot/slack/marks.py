"""The mark that each of our messages carries in its metadata, by which it is found again. Pure.

Source: https://docs.slack.dev/messaging/message-metadata
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.card import Card, Content, Storm
from bot.domain.delivery import Delivery, NotSeen, Seen, Sighting, Trace
from bot.domain.episode import EpisodeKind

EVENT_TYPE = "pipeline_bot_delivery"  # letters, digits, _ and - only: with anything else Slack drops the metadata
SHORT = 12  # so much of a card's key tells it from the others of one storm


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """`failing` is the pipeline whose open failure the message shows; `cards` are those that a storm tells of."""

    ts: str
    key: str
    failing: str = ""
    cards: frozenset[str] = frozenset()
    threaded: bool = False


def metadata_of(delivery: Delivery, content: Content) -> Mapping[str, object]:
    payload: dict[str, object] = {"key": delivery.id}
    match content:
        case Card():
            failing = content.episode.open and content.episode.kind is EpisodeKind.FAILURE
            payload |= {"revision": content.revision, "failing": content.pipeline.id if failing else ""}
        case Storm():
            payload |= {"revision": content.revision, "cards": " ".join(card.key[:SHORT] for card in content.cards)}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


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
        cards=frozenset(str(payload.get("cards") or "").split()),
        threaded=bool(message.get("reply_count")),
    )


def sighting(marks: Iterable[Mark], trace: Trace) -> Sighting:
    """What has the key itself comes first; else the storm that tells of the card, or an open card of the failure."""
    marks = sorted(marks, key=lambda mark: (not mark.threaded, mark.ts))
    if same := [mark.ts for mark in marks if mark.key == trace.key]:
        return Seen(tuple(same))
    if storm := next((mark for mark in marks if trace.key[:SHORT] in mark.cards), None):
        return Seen((storm.ts,), storm=storm.key)
    if trace.failing and (card := next((mark for mark in marks if mark.failing == trace.failing), None)):
        return Seen((card.ts,))
    return NotSeen()
