"""The metadata that the bot attaches to its messages, so that a lookup can find a message again. Pure.

Source: https://docs.slack.dev/messaging/message-metadata
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.body import Content
from bot.domain.card import Card, Group, MovedCard
from bot.domain.delivery import Absent, Delivery, Found, Lookup, LookupResult
from bot.domain.notice import Notice, PostedCall

EVENT_TYPE = "pipeline_bot_delivery"  # only letters, digits, _ and -, otherwise Slack drops the metadata
CARD_KEY_LENGTH = 12  # characters of `Card.key`, a hash: enough to be unique among the cards of a channel
MEMBER_LENGTH = 8  # the same in a group: enough among its members, and short enough for hundreds of them


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageMetadata:
    """One message of the bot, as found in a channel or thread."""

    ts: str
    """Slack's id of the message. Within a channel, ids sort by time."""
    delivery_id: str
    """The delivery that posted the message. Slack has it as `key`. For a card or group, it equals that key."""
    cards: tuple[str, ...] = ()
    """The beginning of `Card.key` for each card that the message shows."""
    threaded: bool = False
    """True if the message has replies."""

    def shows(self, card_key: str) -> bool:
        return any(card_key.startswith(card) for card in self.cards)


def metadata_to_attach(delivery: Delivery, content: Content) -> Mapping[str, object]:
    """The `metadata` argument of the call that posts or updates the message."""
    payload: dict[str, object] = {"key": delivery.id}
    match content:
        case Card():
            payload |= {"revision": content.revision, "cards": content.key[:CARD_KEY_LENGTH]}
        case MovedCard(card=card):
            payload = {"key": card.key, "revision": card.revision, "cards": card.key[:CARD_KEY_LENGTH]}
        case Notice(posted=PostedCall(key=key)):
            payload = {"key": key}
        case Group():
            payload["revision"] = content.revision
            if not delivery.attempt.plain:  # the service may have refused metadata of this size
                payload["members"] = "".join(card.key[:MEMBER_LENGTH] for card in content.cards)
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _cards_in(packed: object) -> tuple[str, ...]:
    """In messages of earlier versions, a colon and a revision follow each key."""
    return tuple(key.partition(":")[0] for key in str(packed or "").split())


def _members_in(packed: object) -> tuple[str, ...]:
    text = str(packed or "")
    return tuple(text[place : place + MEMBER_LENGTH] for place in range(0, len(text), MEMBER_LENGTH))


def bot_messages_in(body: Mapping[str, object], user: str) -> list[MessageMetadata]:
    """The bot's messages on one page of a channel's history or a thread's replies. `user` is the bot's user id."""
    messages = body.get("messages")
    own = (
        [message for message in messages if isinstance(message, dict) and message.get("user") == user]
        if isinstance(messages, list)
        else []
    )
    return [decoded for message in own if (decoded := _decoded(message))]


def _decoded(message: Mapping[str, object]) -> MessageMetadata | None:
    """None if the message has no metadata of a delivery."""
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload")
    if not isinstance(payload, dict):
        return None
    return MessageMetadata(
        ts=str(message.get("ts")),
        delivery_id=str(payload.get("key")),
        cards=_members_in(payload.get("members")) or _cards_in(payload.get("cards")),
        threaded=bool(message.get("reply_count")),
    )


def lookup_result(messages: Iterable[MessageMetadata], lookup: Lookup) -> LookupResult:
    """Returns every message of the delivery. If there is none, the group message that shows the delivery's card.

    The message to keep comes first: one with a thread if there is one, otherwise the oldest. A card's delivery has the
    card's key as its id, so `lookup.key` finds the card in a group message too.
    """
    best_first = sorted(messages, key=lambda message: (not message.threaded, message.ts))
    if copies := [message for message in best_first if message.delivery_id == lookup.key]:
        is_group = any(len(message.cards) > 1 for message in copies)
        return Found(tuple(message.ts for message in copies), group=lookup.key if is_group else None)
    if group := next((message for message in best_first if message.shows(lookup.key)), None):
        return Found((group.ts,), group=group.delivery_id)
    return Absent()
