"""The mark that each of our messages carries in its metadata, by which it is found again. Pure.

Source: https://docs.slack.dev/messaging/message-metadata
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.domain.card import Card, Content, Group
from bot.domain.delivery import Absent, Delivery, Found, Lookup, LookupResult
from bot.domain.episode import EpisodeKind

EVENT_TYPE = "pipeline_bot_delivery"  # letters, digits, _ and - only: with anything else Slack drops the metadata
SHORT = 12  # so much of a card's key tells it from the others of one group


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageMetadata:
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


def metadata_in(body: Mapping[str, object], user: str) -> list[MessageMetadata]:
    """Those of `user`'s messages on one page of a channel's history or a thread's replies."""
    messages = body.get("messages")
    ours = (
        [each for each in messages if isinstance(each, dict) and each.get("user") == user]
        if isinstance(messages, list)
        else []
    )
    return [metadata for message in ours if (metadata := _metadata(message))]


def _metadata(message: Mapping[str, object]) -> MessageMetadata | None:
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload")
    if not isinstance(payload, dict):
        return None
    return MessageMetadata(
        ts=str(message.get("ts")),
        key=str(payload.get("key")),
        failing=str(payload.get("failing") or ""),
        cards=_cards_in(payload.get("cards")),
        threaded=bool(message.get("reply_count")),
    )


def lookup_result(found: Iterable[MessageMetadata], lookup: Lookup) -> LookupResult:
    """What has the key itself comes first; else the group that tells of the card, or an open card of the failure."""
    found = [metadata for metadata in found if not _is_earlier(metadata, lookup)]
    found.sort(key=lambda metadata: (not metadata.threaded, metadata.ts))
    if same := [metadata for metadata in found if metadata.key == lookup.key]:
        return Found(tuple(metadata.ts for metadata in same), came_at=_came_at(same[0], lookup))
    if group := next((metadata for metadata in found if lookup.key[:SHORT] in metadata.cards), None):
        return Found((group.ts,), group=group.key, came_at=_came_at(group, lookup))
    if lookup.failing and (card := next((metadata for metadata in found if metadata.failing == lookup.failing), None)):
        return Found((card.ts,))
    return Absent()


def _is_earlier(metadata: MessageMetadata, lookup: Lookup) -> bool:
    earlier = lookup.earlier
    if earlier is None or (earlier.over and (metadata.failing or metadata.key != lookup.key)):
        return False
    return metadata.ts < f"{earlier.before.timestamp():.6f}"


def _came_at(metadata: MessageMetadata, lookup: Lookup) -> dict[str, int]:
    return {key: metadata.cards.get(key[:SHORT], 0) for key in lookup.cards}
