"""Addresses notices about the bot itself: decides which channel gets which part."""

from collections.abc import Collection
from dataclasses import replace

from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId
from bot.state.repository import Repository


class Notices:
    """The operator gets the whole notice. Without an operator, each affected channel gets its own part.

    A channel always hears about its own lost watches.
    """

    def __init__(self, *, repository: Repository, operator: ChannelId | None) -> None:
        self._repository = repository
        self.operator = operator

    def messages(
        self, notice: Notice, channels: Collection[ChannelId] = (), unread: Collection[PipelineId] = ()
    ) -> list[Message]:
        """The messages to enqueue. `channels`: the affected ones. `unread`: the pipelines that the bot can't read."""
        at = (notice.since or notice.at).isoformat()
        lost = notice.kind is NoticeKind.ROLLED_BACK
        bodies = {channel: self._own_part(channel, notice, unread) for channel in channels if lost or not self.operator}
        if self.operator:
            bodies[self.operator] = notice
        return [
            Message(
                id=stable_key(self._repository.team, notice.kind, channel, at),
                receiver=in_slack(self._repository.team, channel),
                priority=Priority.FAILURE,
                body=body,
                made_at=notice.at,
            )
            for channel, body in bodies.items()
        ]

    def _own_part(self, channel: ChannelId, notice: Notice, unread: Collection[PipelineId]) -> Notice:
        """The channel's own part: another channel must not see its watches."""
        covered = self._repository.covered_by(self._repository.watches.in_channel(channel))
        return replace(
            notice,
            watches=tuple(watch for watch in notice.watches if watch.channel == channel),
            missed=tuple(entry for entry in notice.missed if entry.pipeline.id in covered),
            unread=len(covered.intersection(unread)),
            notes=() if self.operator else notice.notes,
            setup=() if self.operator else notice.setup,
        )
