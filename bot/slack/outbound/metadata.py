"""The metadata that the bot attaches to its messages, so that a lookup can find a message again. Pure.

Source: https://docs.slack.dev/messaging/message-metadata
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.card import Card, Content, Group
from bot.domain.delivery import Absent, Delivery, Found, Lookup, LookupResult

EVENT_TYPE = "pipeline_bot_delivery"  # only letters, digits, _ and -, otherwise Slack drops the metadata
CARD_KEY_LENGTH = 12  # characters of a card's key, a hash: enough to be unique among the cards of a channel


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageMetadata:
    """One message of the bot, as found in a channel or thread."""

    ts: str
    """Slack's id of the message. Within a channel, ids sort by time."""
    key: str
    """The id of the delivery that posted the message."""
    cards: tuple[str, ...] = ()
    """The beginning of the key of each card that the message shows."""
    threaded: bool = False
    """True if the message has replies."""


def metadata_of(delivery: Delivery, content: Content) -> Mapping[str, object]:
    payload: dict[str, object] = {"key": delivery.id}
    match content:
        case Card():
            payload |= {"revision": content.revision, "cards": _packed(content)}
        case Group():
            payload |= {"revision": content.revision, "cards": _packed(*content.cards)}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _packed(*cards: Card) -> str:
    return " ".join(card.key[:CARD_KEY_LENGTH] for card in cards)


def _cards_in(packed: object) -> tuple[str, ...]:
    """In messages of earlier versions, a colon and a revision follow each key."""
    return tuple(key.partition(":")[0] for key in str(packed or "").split())


def metadata_in(body: Mapping[str, object], user: str) -> list[MessageMetadata]:
    """The metadata of `user`'s messages on one page of a channel's history or a thread's replies."""
    messages = body.get("messages")
    own = (
        [message for message in messages if isinstance(message, dict) and message.get("user") == user]
        if isinstance(messages, list)
        else []
    )
    return [metadata for message in own if (metadata := _metadata(message))]


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
        cards=_cards_in(payload.get("cards")),
        threaded=bool(message.get("reply_count")),
    )


def lookup_result(found: Iterable[MessageMetadata], lookup: Lookup) -> LookupResult:
    """Prefers a message with the key itself, then a group message that shows the card.

    Among several, prefers a message with a thread, then the oldest.
    """
    found = sorted(found, key=lambda metadata: (not metadata.threaded, metadata.ts))
    if same := [metadata for metadata in found if metadata.key == lookup.key]:
        return Found(tuple(metadata.ts for metadata in same))
    if group := next((metadata for metadata in found if lookup.key[:CARD_KEY_LENGTH] in metadata.cards), None):
        return Found((group.ts,), group=group.key)
    return Absent()
