"""Implements the ScheduledMessages port over Slack's Web API.

Never sends `metadata`: such a message is never posted
(https://docs.slack.dev/reference/methods/chat.scheduleMessage).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bot.domain.backup import ORPHAN, BackupContent, ScheduledRow
from bot.domain.delivery import RefusalKind, Refused, Unknown
from bot.domain.watch import ChannelId
from bot.ports.scheduled_messages import NotScheduled, ScheduledAs
from bot.slack.outbound.calls import Lost, SlackAnswer, SlackClient, call
from bot.slack.outbound.outcomes import outcome_of
from bot.slack.outbound.pagination import read_pages
from bot.slack.render.blocks import RenderedMessage

LISTED_PAGES = 10  # 100 messages each
_NOT_PENDING = "invalid_scheduled_message_id"


class SlackScheduledMessages:
    def __init__(self, client: SlackClient, render: Callable[[BackupContent], RenderedMessage]) -> None:
        self._client = client
        self._render = render

    async def schedule(
        self, channel: ChannelId, content: BackupContent, post_at: datetime
    ) -> ScheduledAs | NotScheduled:
        message = self._render(content)
        answer = await call(
            self._client,
            "chat.scheduleMessage",
            channel=channel,
            post_at=int(post_at.timestamp()),
            text=message.text,
            blocks=list(message.blocks) or None,
            unfurl_links=False,
            unfurl_media=False,
        )
        message_id = answer.body.get("scheduled_message_id")
        return ScheduledAs(message_id) if answer.ok and isinstance(message_id, str) else _refusal(answer)

    async def delete(self, channel: ChannelId, message_id: str) -> NotScheduled | None:
        answer = await call(
            self._client, "chat.deleteScheduledMessage", channel=channel, scheduled_message_id=message_id
        )
        return None if answer.ok or answer.error == _NOT_PENDING else _refusal(answer)

    async def listed(self, now: datetime) -> Sequence[ScheduledRow] | NotScheduled:
        rows: list[ScheduledRow] = []
        aliases = await self._client.channel_ids.aliases()
        async for answer, _ in read_pages(
            self._client, "chat.scheduledMessages.list", {"limit": 100}, most=LISTED_PAGES
        ):
            if not answer.ok:
                return _refusal(answer)
            listed = answer.body.get("scheduled_messages")
            for item in listed if isinstance(listed, list) else []:
                match item:
                    case {"id": str() | int() as message_id, "channel_id": str(channel), "post_at": int(post_at)}:
                        rows.append(
                            ScheduledRow(
                                id=str(message_id),
                                key=ORPHAN,
                                channel=aliases.stable(ChannelId(channel)),
                                post_at=datetime.fromtimestamp(post_at, UTC),
                                made_at=now,
                            )
                        )
                    case _:
                        pass
        return rows


def _refusal(answer: SlackAnswer) -> NotScheduled:
    if answer.lost is not None:
        return NotScheduled(error=answer.detail, unknown=answer.lost is Lost.UNKNOWN)
    match outcome_of(answer.status, answer.body, answer.headers):
        case Refused(kind=kind, error=error, retry_after=wait):
            return NotScheduled(error=error, retry_after=wait, unauthorized=kind is RefusalKind.WORKSPACE)
        case Unknown(detail):
            return NotScheduled(error=detail, unknown=True)
        case _:
            return NotScheduled(error=answer.error, unknown=True)
