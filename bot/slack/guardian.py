"""Keeps watches alive through what happens to channels: told by Slack's events, and by a daily look that posts nothing.

Sources: https://docs.slack.dev/reference/events and https://docs.slack.dev/reference/methods/conversations.info
"""

from collections.abc import Mapping

import structlog

from bot.delivery.parking import Parking
from bot.domain.watch import ChannelId
from bot.ports import Clock, Store, Watches
from bot.slack.directory import Directory

ARCHIVED = ("channel_archive", "group_archive")
OPENED = ("channel_unarchive", "group_unarchive")
DELETED = ("channel_deleted", "group_deleted")
LEFT = ("channel_left", "group_left")
EVENTS = (
    *ARCHIVED,
    *OPENED,
    *DELETED,
    *LEFT,
    "member_joined_channel",
    "member_left_channel",
    "channel_id_changed",
    "tokens_revoked",
    "app_uninstalled",
)

EVERY_SECONDS = 24 * 3600.0
AT_ONCE = 10  # conversations.info may be asked fifty times a minute, and people's commands need it too

log = structlog.get_logger(__name__)


class Guardian:
    """`user` is the bot's own. A channel's name is nowhere kept, so a new name needs nothing."""

    def __init__(self, *, store: Store, parking: Parking, directory: Directory, clock: Clock, user: str) -> None:
        self._store = store
        self._parking = parking
        self._directory = directory
        self._clock = clock
        self._user = user
        self._looked_at: dict[ChannelId, float] = {}

    async def on(self, event: Mapping[str, object]) -> None:
        """Slack may tell of an event twice, and late: it is taken as a hint, and the channel is looked at.

        Raises:
            StoreAway, ChatAway: the daily look finds it.
        """
        kind, channel = event.get("type"), event.get("channel")
        if kind in {"tokens_revoked", "app_uninstalled"}:
            log.error("slack_revoked", what=kind, cure="install the app again and set SLACK_BOT_TOKEN")
        elif kind == "channel_id_changed":
            old, new = event.get("old_channel_id"), event.get("new_channel_id")
            if isinstance(old, str) and isinstance(new, str):
                await self._store.rename_channel(ChannelId(old), ChannelId(new))
                log.warning("channel_id_changed", old=old, new=new)
        elif kind in {"member_joined_channel", "member_left_channel"} and event.get("user") != self._user:
            return
        elif isinstance(channel, str):
            await self._look_at(ChannelId(channel), await self._store.watches())

    async def look_around(self) -> None:
        """Looks at every channel that watches something, or rests, once a day; a few at each call.

        Raises:
            StoreAway, ChatAway: it goes on at the next call.
        """
        watches, now = await self._store.watches(), self._clock.monotonic()
        channels = sorted({watch.channel for watch in watches.all} | watches.parked.keys())
        due = [each for each in channels if now - self._looked_at.get(each, float("-inf")) >= EVERY_SECONDS]
        for channel in due[:AT_ONCE]:
            await self._look_at(channel, watches)
            self._looked_at[channel] = now

    async def _look_at(self, channel: ChannelId, watches: Watches) -> None:
        parked = watches.parked.get(channel)
        if parked is None and not watches.of(channel):
            return
        reason = await self._directory.obstacle(channel)
        if reason is None and parked is not None:
            await self._parking.wake(channel)
        elif reason is not None and parked is None:
            await self._parking.park(channel, reason)
