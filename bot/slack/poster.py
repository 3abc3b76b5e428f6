"""The Chat port over Slack's Web API: post, update, look for what was posted. Every outcome is told as it is."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.card import Card, Content, Storm, StormLines, ThreadLine
from bot.domain.delivery import (
    Delivery,
    NotSeen,
    Outcome,
    Refusal,
    Refused,
    Seen,
    Sighting,
    Unknown,
    Unreadable,
)
from bot.domain.watch import ChannelId, UserId
from bot.slack.calls import Answer, Lost, call
from bot.slack.directory import Directory
from bot.slack.message import Message
from bot.slack.outcomes import outcome_of, retry_after

EVENT_TYPE = "pipeline_bot_delivery"  # letters, digits, _ and - only: with anything else Slack drops the metadata
LOOK_BACK = timedelta(minutes=2)  # Slack's clock and ours differ
HISTORY_PAGE = 15  # the least that any app is granted a call
HISTORY_PAGES = 8

log = structlog.get_logger(__name__)

Render = Callable[[Content, Delivery, datetime], Message]


class Poster:
    def __init__(self, client: AsyncWebClient, directory: Directory, render: Render) -> None:
        self._client = client
        self._directory = directory
        self._render = render

    async def post(self, delivery: Delivery, content: Content, *, thread_ts: str | None, now: datetime) -> Outcome:
        message = self._render(content, delivery, now)
        broadcast = isinstance(content, ThreadLine | StormLines) and content.broadcast and thread_ts is not None
        answer = await call(
            self._client,
            "chat.postMessage",
            channel=delivery.channel,
            text=message.text,
            blocks=list(message.blocks) or None,
            thread_ts=thread_ts,
            reply_broadcast=broadcast or None,
            metadata=_metadata(delivery, content),
            unfurl_links=False,
            unfurl_media=False,
        )
        return _outcome(answer, delivery)

    async def update(self, delivery: Delivery, content: Content, *, ts: str, now: datetime) -> Outcome:
        message = self._render(content, delivery, now)
        answer = await call(
            self._client,
            "chat.update",
            channel=delivery.channel,
            ts=ts,
            text=message.text,
            blocks=list(message.blocks),  # an empty list takes the old blocks away
            metadata=_metadata(delivery, content),
        )
        return _outcome(answer, delivery)

    async def find(self, delivery: Delivery, *, thread_ts: str | None) -> Sighting:
        """Source: https://docs.slack.dev/messaging/message-metadata (include_all_metadata)."""
        since = (delivery.sent_at or delivery.made_at) - LOOK_BACK
        method = "conversations.replies" if thread_ts else "conversations.history"
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(HISTORY_PAGES):
            answer = await call(
                self._client,
                method,
                channel=delivery.channel,
                ts=thread_ts,
                oldest=f"{since.timestamp():.6f}",
                inclusive=True,
                include_all_metadata=True,
                limit=HISTORY_PAGE,
                cursor=cursor,
            )
            if not answer.ok:
                wait = retry_after(answer.headers) if answer.status == 429 else None
                return Unreadable(answer.error, wait)
            if _blind(answer):
                return Unreadable("missing_scope: metadata.message:read")
            seen += [ts for ts, key in _keys_in(answer) if key == delivery.id]
            cursor = _cursor(answer)
            if not cursor:
                return Seen(tuple(sorted(seen))) if seen else NotSeen()
        return Seen(tuple(sorted(seen))) if seen else Unreadable("too many messages to look through")

    async def delete(self, channel: ChannelId, ts: str) -> None:
        answer = await call(self._client, "chat.delete", channel=channel, ts=ts)
        if not answer.ok:
            log.warning("delete_refused", channel=channel, ts=ts, error=answer.error)

    async def direct(self, user: UserId) -> ChannelId | None:
        return await self._directory.direct(user)


def _metadata(delivery: Delivery, content: Content) -> Mapping[str, object]:
    revision = content.revision if isinstance(content, Card | Storm) else 0
    return {"event_type": EVENT_TYPE, "event_payload": {"key": delivery.id, "revision": revision}}


def _outcome(answer: Answer, delivery: Delivery) -> Outcome:
    if answer.lost is Lost.NEVER_SENT:
        return Refused(kind=Refusal.NOT_SENT, error=answer.detail)
    if answer.lost is Lost.UNKNOWN:
        return Unknown(answer.detail)
    if "invalid_metadata" in str(answer.body.get("response_metadata", "")):
        log.error("metadata_dropped", delivery=delivery.id, warnings=str(answer.body.get("response_metadata")))
    outcome = outcome_of(answer.status, answer.body, answer.headers)
    if isinstance(outcome, Refused):
        log.warning("slack_refused", delivery=delivery.id, channel=delivery.channel, error=outcome.error)
    return outcome


def _blind(answer: Answer) -> bool:
    """Without the scope Slack leaves the metadata out: that nothing is seen then means nothing."""
    granted = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
    return bool(granted) and "metadata.message:read" not in granted


def _keys_in(answer: Answer) -> list[tuple[str, str]]:
    """(ts, key) of every message of ours on this page."""
    messages = answer.body.get("messages")
    found = []
    for message in messages if isinstance(messages, list) else []:
        metadata = message.get("metadata") if isinstance(message, dict) else None
        if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
            continue
        payload = metadata.get("event_payload")
        if isinstance(payload, dict):
            found.append((str(message.get("ts")), str(payload.get("key"))))
    return found


def _cursor(answer: Answer) -> str | None:
    metadata = answer.body.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    return cursor if answer.body.get("has_more") and isinstance(cursor, str) and cursor else None
