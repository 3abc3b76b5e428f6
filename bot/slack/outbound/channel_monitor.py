"""Suspends a channel in which the bot can't post, and resumes it later.

Checks a channel after an event from Slack about it, and once a day. A check asks Slack and posts no test message.

Sources: https://docs.slack.dev/reference/events and https://docs.slack.dev/reference/methods/conversations.info
"""

from collections.abc import Mapping
from typing import Protocol

from bot.delivery.suspensions import Suspensions
from bot.domain.alias import IdChange
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId
from bot.ports.alias_store import AliasStore
from bot.ports.channel_store import ChannelStore
from bot.ports.chat import ChatAway
from bot.ports.clock import Clock
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import AppUninstalled, ChannelIdChanged, EventPostponed
from bot.slack.outbound.directory import Directory
from bot.slack.outbound.token_monitor import TokenMonitor
from bot.state.repository import Repository

ARCHIVED = ("channel_archive", "group_archive")
UNARCHIVED = ("channel_unarchive", "group_unarchive")
DELETED = ("channel_deleted", "group_deleted")
LEFT = ("channel_left", "group_left")
EVENTS = (
    *ARCHIVED,
    *UNARCHIVED,
    *DELETED,
    *LEFT,
    "member_joined_channel",
    "member_left_channel",
    "channel_id_changed",
    "tokens_revoked",
    "app_uninstalled",
)

EVERY_SECONDS = 24 * 3600.0
MAX_FAILED_CHECKS = 2  # one failed check may be about that channel; after two, Slack is away
CHECKS_PER_CALL = (
    10  # one call a minute; Slack allows about 50 conversations.info a minute, and people's commands need some
)


class ChannelMonitorStore(ChannelStore, AliasStore, Protocol):
    """Greetings and channel ids."""


class ChannelMonitor:
    """Keeps the stored suspensions in step with what the bot may do in each channel. `user` is the bot's own id.

    A channel may get another id, which this class stores. A new name changes nothing, because no row holds names.
    """

    def __init__(
        self,
        *,
        store: ChannelMonitorStore,
        repository: Repository,
        suspensions: Suspensions,
        directory: Directory,
        clock: Clock,
        user: str,
    ) -> None:
        self._store = store
        self._repository = repository
        self._suspensions = suspensions
        self._directory = directory
        self._clock = clock
        self._user = user
        self._due_at: dict[ChannelId, float] = {}
        self._token = TokenMonitor(directory, clock)
        self._id_changes: list[IdChange] = []
        """Every change that Slack announced to this process. Redis may lose one, or may be away."""

    async def store_id_change(self, event: Mapping[str, object]) -> None:
        """Stores a channel's new id before Slack gets the acknowledgement, because no later check could learn it.

        Raises:
            StoreAway: the id is not kept. Slack has to deliver the event again.
        """
        if event.get("type") != "channel_id_changed":
            return
        old, new = str(event.get("old_channel_id")), str(event.get("new_channel_id"))
        if old.isalnum() and new.isalnum() and old != new:  # the bot would retry an invalid id for ever
            change = IdChange(ChannelId(old), ChannelId(new), str(event.get("event_ts", "")))
            if change not in self._id_changes:
                self._id_changes.append(change)
            if await self._store.change_ids(self._id_changes):
                emit(ChannelIdChanged(old=old, new=new))

    async def check_event(self, event: Mapping[str, object]) -> None:
        """Checks the channel of an event. The event itself proves nothing: Slack may deliver it twice or late.

        If the check fails, the channel stays due, and the next `check_channels` repeats it.
        """
        try:
            await self._handle(event)
        except (StoreAway, ChatAway) as exc:
            channel = str(event.get("channel", "")) or None
            emit(EventPostponed(type=str(event.get("type")), problem=str(exc), channel=channel))

    async def _handle(self, event: Mapping[str, object]) -> None:
        kind, channel = event.get("type"), event.get("channel", event.get("new_channel_id"))
        if kind in {"tokens_revoked", "app_uninstalled"}:
            if kind == "app_uninstalled":
                team = self._repository.team
                emit(AppUninstalled(team=team, fix=f"to delete its data: pipeline-bot forget {team}"))
            await self._token.check()
        elif kind in {"member_joined_channel", "member_left_channel"} and event.get("user") != self._user:
            return
        elif isinstance(channel, str):
            stable = (await self._store.aliases()).stable(ChannelId(channel))
            await self._repository.refresh_watches()
            watched = stable in self._repository.watches.channels
            if kind == "member_joined_channel" and event.get("inviter") and not watched:
                await self._greet(stable)
            self._due_at.pop(stable, None)
            # Slack may still refuse the old id. A check now would suspend the channel, so `check_channels` does it.
            if kind != "channel_id_changed":
                await self._check_channel(stable)

    async def _greet(self, channel: ChannelId) -> None:
        """Says hello after an invitation. If the bot joined by itself, the new watch is announced instead."""
        at = self._clock.now()
        key = stable_key(self._repository.team, channel, NoticeKind.HELLO, at.isoformat())
        notice = Notice(kind=NoticeKind.HELLO, at=at)
        await self._store.add_greeting(
            Message(
                id=key,
                receiver=in_slack(self._repository.team, channel),
                priority=Priority.UPDATE,
                body=notice,
                made_at=at,
            )
        )

    async def check_channels(self) -> None:
        """Checks each channel with watches or a suspension once a day, a few at each call.

        Raises:
            StoreAway, ChatAway: the next call continues.
        """
        try:
            await self._repeat_id_changes()  # first, since a lost new id looks like a lost channel
        finally:
            if await self._token.check():
                await self._check_due_channels()

    async def _repeat_id_changes(self) -> None:
        """Redis may have lost a new id, or somebody may have watched a channel under its earlier id."""
        aliases = await self._store.aliases()
        await self._repository.refresh_watches()
        moves = any(aliases.stable(channel) != channel for channel in self._repository.watches.channels)
        if moves or aliases.with_changes(self._id_changes) != aliases:
            await self._store.change_ids(self._id_changes)

    async def _check_due_channels(self) -> None:
        await self._repository.refresh_watches()
        now, watches = self._clock.monotonic(), self._repository.watches
        channels = watches.channels | watches.suspended.keys()
        due_at = {channel: self._due_at.get(channel, float("-inf")) for channel in sorted(channels)}
        due = sorted((channel for channel in due_at if due_at[channel] <= now), key=due_at.__getitem__)
        failures: list[ChatAway] = []
        for channel in due[:CHECKS_PER_CALL]:
            try:
                await self._check_channel(channel)
            except ChatAway as exc:
                self._due_at[channel] = now  # again at the next call, after channels that waited longer
                failures.append(exc)
                if len(failures) == MAX_FAILED_CHECKS:
                    break
        if failures:
            raise failures[-1]

    async def _check_channel(self, channel: ChannelId) -> None:
        watches = self._repository.watches
        suspended = watches.suspended.get(channel)
        if suspended is None and channel not in watches.channels:
            return
        reason = await self._directory.posting_obstacle(channel)
        if reason is None and suspended is not None:
            await self._suspensions.resume(in_slack(self._repository.team, channel))
        elif reason is not None and suspended is None:
            await self._suspensions.suspend(in_slack(self._repository.team, channel), reason)
        self._due_at[channel] = self._clock.monotonic() + EVERY_SECONDS
