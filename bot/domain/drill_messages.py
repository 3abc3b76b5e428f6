"""The messages of a drill. Pure."""

from datetime import datetime

from bot.domain.delivery import Message, Priority, Receiver, in_slack
from bot.domain.drill import Drill
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.pager import PagerAction, PagerEvent
from bot.domain.watch import ChannelId, TeamId

HEADLINE = "DRILL — nothing is wrong"


def drill_notice(drill: Drill, at: datetime) -> Notice:
    """The test, and in the drill's own channel the report as of `at`."""
    return Notice(kind=NoticeKind.DRILL, at=at, by=drill.by, by_name=drill.by_name, channel=drill.channel, drill=drill)


def channel_message(drill: Drill, team: TeamId, at: datetime, message_id: str = "") -> Message:
    """The message in the drill's own channel, or a second one with the verdict."""
    return _in_slack(drill, team, drill.channel, message_id or drill.delivery, at)


def direct_message(drill: Drill, team: TeamId, channel: ChannelId) -> Message:
    return _in_slack(drill, team, channel, stable_key("drill", drill.id, channel), drill.started_at)


def _in_slack(drill: Drill, team: TeamId, channel: ChannelId, message_id: str, at: datetime) -> Message:
    """In the lane of pages. It does not count towards a person's pages an hour."""
    return Message(
        id=message_id,
        receiver=in_slack(team, channel),
        priority=Priority.FAILURE,
        body=drill_notice(drill, at),
        made_at=at,
    )


def pager_message(drill: Drill, receiver: Receiver, action: PagerAction, at: datetime) -> Message:
    """The end follows once the pager has the page. While both wait, the end would make the page pointless."""
    return Message(
        id=stable_key("drill", drill.id, receiver.name, action),
        receiver=receiver,
        priority=Priority.PAGE,
        body=PagerEvent(action=action, key=drill.pipeline_id, headline=HEADLINE, policy=drill.policy, drill=True),
        made_at=at,
    )
