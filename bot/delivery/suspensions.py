"""Channels that do not take messages rest, and wake when they do again. Nothing that they are owed is thrown away."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.card import Notice, NoticeKind
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.watch import ChannelId, SuspendReason, UserId, Watch
from bot.ports.channel_store import ChannelStore
from bot.ports.chat import Chat
from bot.ports.clock import Clock
from bot.ports.rename_store import RenameStore
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.delivery import ChannelResumed, ChannelSuspended
from bot.ports.watch_store import Watches, WatchStore

MOST_READINGS = 5  # one is in vain where somebody changes what is watched in the channel just then


class SuspensionStore(WatchStore, ChannelStore, RenameStore, Protocol):
    """Watches, suspended channels and renames."""


class Suspensions:
    """`fallback` is the channel that hears meanwhile what a resting channel watches; `wake` is rung when there is
    something to say."""

    def __init__(
        self, *, store: SuspensionStore, chat: Chat, clock: Clock, wake: asyncio.Event, fallback: ChannelId | None
    ) -> None:
        self._store = store
        self._chat = chat
        self._clock = clock
        self._wake = wake
        self._fallback = fallback

    async def suspend(self, channel: ChannelId, reason: SuspendReason) -> None:
        """Tells those who made the channel's watches, by direct message, that it rests and how to wake it.

        A channel of which only a message can tell whether it takes any (read-only, or a scope is missing) wakes every
        day, to rest again a moment later. Its makers are told again only where a message got through in between, it was
        awake for a day, it rests for another reason, or something is watched there anew: Redis remembers, for all bots.

        Raises:
            StoreAway, ChatAway: nothing was changed.
        """
        reached: dict[UserId, ChannelId | None] = {}
        for _ in range(MOST_READINGS):
            watches = await self._store.watches()
            if channel in watches.suspended:
                return
            notices = await self._notices(channel, reason, watches, reached)
            told = await self._store.suspend(channel, reason, notices, watches.of(channel))
            if told is not None:
                emit(ChannelSuspended(channel=channel, reason=reason.value, notified=told))
                self._wake.set()
                return
        raise StoreAway(f"the watches change faster than {channel} can be put to rest")

    async def wake(self, channel: ChannelId) -> None:
        """The channel seems to take messages again: what it is owed goes out.

        Raises:
            StoreAway: nothing was changed.
        """
        if await self._store.resume(channel, on_trial=True):
            emit(ChannelResumed(channel=channel))
            self._wake.set()

    async def _notices(
        self, channel: ChannelId, reason: SuspendReason, watches: Watches, reached: dict[UserId, ChannelId | None]
    ) -> list[Message]:
        """None where it is but the id that is not there any more: the channel goes on as soon as all has moved.
        `reached`: the conversations that Slack was asked for already; those that it was not are added."""
        if reason is SuspendReason.NOT_FOUND and channel in await self._store.renames():
            return []
        at, fallback = self._clock.now(), self._fallback
        instead = fallback if fallback != channel and fallback not in watches.suspended else None
        makers = _by_maker(watches.of(channel))
        for maker in makers:
            if maker not in reached:
                reached[maker] = await self._chat.direct(maker)
        return [
            self._notice(conversation, channel, reason, theirs, maker=maker, instead=instead, at=at)
            for maker, theirs in makers.items()
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
        key = stable_key(self._store.team, channel, maker, reason, at.isoformat())
        return Message(id=key, receiver=in_slack(conversation), priority=Priority.FAILURE, body=notice, made_at=at)


def _by_maker(watches: Sequence[Watch]) -> dict[UserId, list[Watch]]:
    makers: dict[UserId, list[Watch]] = {}
    for watch in watches:
        makers.setdefault(watch.made_by, []).append(watch)
    return makers
