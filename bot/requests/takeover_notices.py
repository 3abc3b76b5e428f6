"""Tells a person by direct message that somebody else took over their failure."""

from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import Acknowledgement, Episode, stable_key
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.watch import TeamId
from bot.ports.chat import ChatAway
from bot.ports.conversations import DirectConversations
from bot.ports.outbox import Outbox
from bot.ports.telemetry import emit
from bot.ports.telemetry.requests import TakeoverNotTold


class TakeoverNotices:
    """Only *Take over* moves a failure to another person, and the person who had it hears of it."""

    def __init__(self, *, conversations: DirectConversations, outbox: Outbox, team: TeamId) -> None:
        self._conversations = conversations
        self._outbox = outbox
        self._team = team

    async def tell(self, before: Acknowledgement, episode: Episode, pipeline: Pipeline, card_key: str) -> None:
        """`before`: what the person had said who had the failure. `episode`: with the new acknowledgement."""
        now = episode.acknowledged
        if now is None or before.pager or now.by == before.by:
            return
        try:
            conversation = await self._conversations.direct(before.by)
        except ChatAway as exc:
            emit(TakeoverNotTold(person=before.by, problem=str(exc)))  # the card says it
            return
        if conversation is None:
            return
        notice = Notice(
            kind=NoticeKind.TAKEN_OVER,
            at=now.at,
            by=now.by,
            by_name=now.name,
            channel=now.channel,
            failures=(OpenFailure.of(episode, pipeline, card_key),),
        )
        key = stable_key(self._team, conversation, NoticeKind.TAKEN_OVER, card_key, now.by, now.at.isoformat())
        message = Message(
            id=key,
            receiver=in_slack(self._team, conversation),
            priority=Priority.UPDATE,
            body=notice,
            made_at=now.at,
        )
        await self._outbox.enqueue([message])
