"""Shows and changes the style of a channel's follow-ups, and announces a change there."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.follow_ups import FollowUps, FollowUpStyle, follow_up_style
from bot.domain.notice import Notice, NoticeKind
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import ChannelId, UserId
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.state.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpsAnswer:
    """The channel's style. `before`: the style before this change; the same if nothing changed."""

    channel: ChannelId
    style: FollowUpStyle
    before: FollowUpStyle


class FollowUpStyles:
    """The styles of the channels. Everyone who may change a channel's watches may change its style."""

    def __init__(self, *, repository: Repository, changes: SetupChanges) -> None:
        self._repository = repository
        self._changes = changes

    def style(self, channel: ChannelId) -> FollowUpStyle:
        return follow_up_style(self._changes.setup, channel)

    async def set_style(self, channel: ChannelId, style: FollowUpStyle, *, by: UserId, by_name: str) -> FollowUpsAnswer:
        """For later follow-ups. Messages that already wait keep their style."""

        def make(setup: Setup, at: datetime) -> SetupPlan[FollowUpsAnswer]:
            answer = FollowUpsAnswer(channel=channel, style=style, before=follow_up_style(setup, channel))
            if answer.before is style:
                return SetupPlan(answer=answer)
            after = FollowUps(made_in=channel, style=style, made_by=by, made_by_name=by_name, made_at=at)
            edit = SetupEdit(before=setup.get(FollowUps, channel), after=after)
            return SetupPlan(answer=answer, edits=(edit,), announcements=self._announcement(answer, by, by_name, at))

        return await self._changes.write(make, by=by, by_name=by_name)

    def _announcement(self, answer: FollowUpsAnswer, by: UserId, by_name: str, at: datetime) -> tuple[Message, ...]:
        """Empty for direct messages: there the answer is enough."""
        if answer.channel.startswith("D"):
            return ()
        change = (answer.style, answer.before)
        notice = Notice(kind=NoticeKind.FOLLOW_UPS, at=at, by=by, by_name=by_name, setup=change)
        return (
            Message(
                id=stable_key(self._repository.team, answer.channel, notice.kind, *change, at.isoformat()),
                receiver=in_slack(self._repository.team, answer.channel),
                priority=Priority.UPDATE,
                body=notice,
                made_at=at,
            ),
        )
