"""Suspends channels that take no messages, keeps their messages, and resumes them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from bot.domain.delivery import Message, Priority, Receiver, in_slack
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId, SuspendReason, UserId, Watch
from bot.ports.channel_store import ChannelStore
from bot.ports.clock import Clock
from bot.ports.conversations import DirectConversations
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.delivery import ChannelResumed, ChannelSuspended
from bot.state.repository import Repository

MAX_TRIES = 5  # a try fails if someone changes the channel's watches in between


class Suspensions:
    """`fallback` gets a suspended channel's cards meanwhile. `wake` tells the dispatcher about new messages."""

    def __init__(
        self,
        *,
        store: ChannelStore,
        repository: Repository,
        conversations: DirectConversations,
        clock: Clock,
        wake: asyncio.Event,
        fallback: ChannelId | None,
    ) -> None:
        self._store = store
        self._repository = repository
        self._conversations = conversations
        self._clock = clock
        self._wake = wake
        self._fallback = fallback

    async def suspend(self, receiver: Receiver, reason: SuspendReason) -> None:
        """Suspends the channel. A direct message tells the makers of its watches why, and how to resume it.

        For a read-only channel or a missing scope, only a message shows whether the channel takes any. The bot resumes
        such a channel every day, and may suspend it again a moment later. The makers hear of it again only if a message
        got through, the channel was active for a day, the reason changed, or someone added a watch. Redis remembers
        this for all bots.

        Raises:
            ChatAway: nothing was changed.
            StoreAway: the channel may or may not be suspended. A second try is safe.
        """
        channel = ChannelId(receiver.id)
        reached: dict[UserId, ChannelId | None] = {}
        for _ in range(MAX_TRIES):
            await self._repository.refresh_watches()
            if channel in self._repository.watches.suspended:
                return
            watches = self._repository.watches.in_channel(channel)
            notices = await self._notices(channel, reason, watches, reached)
            notified = await self._store.suspend(channel, reason, notices, watches)
            if notified is not None:
                emit(ChannelSuspended(channel=receiver.name, reason=reason.value, notified=notified))
                self._wake.set()
                return
        raise StoreAway(f"{channel} could not be suspended: its watches kept changing")

    async def resume(self, receiver: Receiver) -> None:
        """Resumes a channel that seems to take messages again. Its messages go out.

        Raises:
            StoreAway: the channel may or may not be resumed. A second try is safe.
        """
        if await self._store.resume(ChannelId(receiver.id), on_trial=True):
            emit(ChannelResumed(channel=receiver.name))
            self._wake.set()

    async def _notices(
        self,
        channel: ChannelId,
        reason: SuspendReason,
        watches: Sequence[Watch],
        reached: dict[UserId, ChannelId | None],
    ) -> list[Message]:
        """One notice for each maker. `reached` caches the makers' conversations. This method adds the missing ones."""
        at, fallback = self._clock.now(), self._fallback
        suspended = self._repository.watches.suspended
        instead = fallback if fallback != channel and fallback not in suspended else None
        makers = _by_maker(watches)
        for maker in makers:
            if maker not in reached:
                reached[maker] = await self._conversations.direct(maker)
        return [
            self._notice(conversation, channel, reason, their_watches, maker=maker, instead=instead, at=at)
            for maker, their_watches in makers.items()
            if (conversation := reached[maker])
        ]

    def _notice(
        self,
        conversation: ChannelId,
        channel: ChannelId,
        reason: SuspendReason,
        watches: Sequence[Watch],
        *,
        maker: UserId,
        instead: ChannelId | None,
        at: datetime,
    ) -> Message:
        notice = Notice(
            kind=NoticeKind.SUSPENDED, at=at, watches=tuple(watches), channel=channel, reason=reason, instead=instead
        )
        key = stable_key(self._repository.team, channel, maker, reason, at.isoformat())
        return Message(
            id=key,
            receiver=in_slack(self._repository.team, conversation),
            priority=Priority.FAILURE,
            body=notice,
            made_at=at,
        )


def _by_maker(watches: Sequence[Watch]) -> dict[UserId, list[Watch]]:
    makers: dict[UserId, list[Watch]] = {}
    for watch in watches:
        makers.setdefault(watch.made_by, []).append(watch)
    return makers
