"""Implements the Chat port over Slack's Web API: posts, updates, deletes and finds messages.

Slack has no idempotency key for a post (https://github.com/slackapi/slack-api-specs/issues/10).
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.domain.body import Content
from bot.domain.card import ThreadEntry, TimelineBatch
from bot.domain.delivery import (
    Delivery,
    Found,
    Lookup,
    LookupResult,
    Outcome,
    Receiver,
    RefusalKind,
    Refused,
    Unknown,
    Unreadable,
)
from bot.domain.notice import Notice
from bot.headers import header
from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import DeleteRefused, MetadataDropped, SlackRefused
from bot.slack.outbound.calls import Lost, SlackAnswer, SlackClient, call
from bot.slack.outbound.metadata import MessageMetadata, bot_messages_in, lookup_result, metadata_to_attach
from bot.slack.outbound.outcomes import outcome_of, retry_after
from bot.slack.outbound.pagination import read_pages
from bot.slack.render.blocks import RenderedMessage

HISTORY_PAGE = 200  # Slack gives fewer to some apps, and a cursor to the rest
HISTORY_PAGES = 8


Render = Callable[[Content, Delivery, datetime], RenderedMessage]


class SlackChat:
    """Posts, updates, finds and deletes the bot's messages in Slack.

    `user` is the bot's own id: lookups ignore messages by anyone else, whatever their metadata.
    """

    def __init__(self, client: SlackClient, render: Render, user: str) -> None:
        self._client = client
        self._user = user
        self._render = render

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        message = self._render(content, delivery, now)
        broadcast = parent_id is not None and is_broadcast(content)
        answer = await call(
            self._client,
            "chat.postMessage",
            channel=delivery.receiver.id,
            text=message.text,
            blocks=list(message.blocks) or None,
            thread_ts=parent_id,
            reply_broadcast=broadcast or None,
            metadata=metadata_to_attach(delivery, content),
            unfurl_links=False,
            unfurl_media=False,
        )
        return _outcome(answer, delivery)

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:
        message = self._render(content, delivery, now)
        answer = await call(
            self._client,
            "chat.update",
            channel=delivery.receiver.id,
            ts=message_id,
            text=message.text,
            blocks=list(message.blocks),  # an empty list removes the old blocks
            metadata=metadata_to_attach(delivery, content),
        )
        return _outcome(answer, delivery)

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        """Reads only messages after the last known one, because Slack limits apps outside the Marketplace.

        They get fifteen messages a call and one call a minute.
        Source: https://docs.slack.dev/messaging/message-metadata (include_all_metadata).
        """
        found, unreadable = await self._read_metadata(lookups[0], min(lookup.oldest for lookup in lookups))
        results = [lookup_result(found, lookup) for lookup in lookups]
        if unreadable is None:
            return results
        return [result if isinstance(result, Found) else unreadable for result in results]

    async def _read_metadata(self, lookup: Lookup, oldest: str) -> tuple[list[MessageMetadata], Unreadable | None]:
        """The metadata of the messages found. `Unreadable` says why some are missing."""
        found: list[MessageMetadata] = []
        method = "conversations.replies" if lookup.parent_id else "conversations.history"
        arguments = {
            "channel": lookup.receiver.id,
            "ts": lookup.parent_id,
            "oldest": oldest,
            "include_all_metadata": True,
            "limit": HISTORY_PAGE,
        }
        async for answer, last in read_pages(self._client, method, arguments, most=HISTORY_PAGES):
            if not answer.ok:
                wait = retry_after(answer.headers) if answer.status == 429 else None
                return found, Unreadable(answer.error, wait, lost=answer.transient and wait is None)
            if _lacks_metadata_scope(answer):
                return found, Unreadable("missing_scope: metadata.message:read")
            found += bot_messages_in(answer.body, self._user)
            if last:
                return found, None
        return found, Unreadable("too many messages to look through")

    async def delete(self, receiver: Receiver, message_id: str) -> bool:
        answer = await call(self._client, "chat.delete", channel=receiver.id, ts=message_id)
        if answer.ok or answer.error == "message_not_found":
            return True
        emit(DeleteRefused(channel=receiver.id, ts=message_id, error=answer.error))
        return False


def is_broadcast(content: Content) -> bool:
    """True if the channel sees this message of a thread too."""
    if isinstance(content, ThreadEntry | TimelineBatch):
        return content.broadcast
    return isinstance(content, Notice) and content.in_thread and content.broadcast


def _outcome(answer: SlackAnswer, delivery: Delivery) -> Outcome:
    if answer.lost is Lost.NEVER_SENT:
        return Refused(kind=RefusalKind.NOT_SENT, error=answer.detail)
    if answer.lost is Lost.UNKNOWN:
        return Unknown(answer.detail)
    if "invalid_metadata" in str(answer.body.get("response_metadata", "")):
        emit(
            MetadataDropped(
                delivery=delivery.id, channel=delivery.receiver.id, warnings=str(answer.body.get("response_metadata"))
            )
        )
    outcome = outcome_of(answer.status, answer.body, answer.headers)
    if isinstance(outcome, Refused):
        emit(SlackRefused(delivery=delivery.id, channel=delivery.receiver.id, error=outcome.error))
    return outcome


def _lacks_metadata_scope(answer: SlackAnswer) -> bool:
    """True if the token lacks the scope: Slack then omits all metadata, so an empty result proves nothing."""
    granted = header(answer.headers, "x-oauth-scopes")
    return bool(granted) and "metadata.message:read" not in granted
