"""Finds out which channels a person may see, with few calls to Slack."""

import asyncio
from collections.abc import Iterable

from bot.domain.permission import Denial, Person, outside_of
from bot.domain.watch import ChannelId
from bot.slack.permissions import Asker, Permissions
from bot.slack.render.phrases import is_direct

MOST_CHANNELS = 20  # to check in Slack: each takes up to three calls
CHECK_SECONDS = 8.0  # for the checks of all channels: people wait for the answer


class VisibleChannels:
    """Finds out which channels one person may see.

    Asks Slack once about the person, and once about each of at most 20 channels. Stops asking after CHECK_SECONDS.
    """

    def __init__(self, asker: Asker, permissions: Permissions) -> None:
        self._asker = asker
        self._permissions = permissions
        self._visible = {asker.channel}
        self._hidden: set[ChannelId] = set()
        self._person: Person | None = None
        self._until = asyncio.get_running_loop().time() + CHECK_SECONDS
        self._stopped = False
        """True after the deadline, or after Slack failed."""
        self.complete = True
        """False if a channel was not checked."""

    async def first_visible(self, channels: Iterable[ChannelId]) -> ChannelId | None:
        """One of these channels that the person may see. None if there is none."""
        for channel in sorted(channels, key=self._visible.__contains__, reverse=True):
            if await self.sees(channel):
                return channel
        return None

    async def sees(self, channel: ChannelId) -> bool:
        if channel in self._visible:
            return True
        if channel in self._hidden or is_direct(channel):  # somebody else's direct conversation
            return False
        if self._stopped or len(self._visible | self._hidden) > MOST_CHANNELS:
            self.complete = False
            return False
        try:
            async with asyncio.timeout_at(self._until):
                denial = await self._denial(channel)
        except TimeoutError:
            self._stopped, self.complete = True, False
            return False
        (self._hidden if denial else self._visible).add(channel)
        if denial and denial is not Denial.NO_SUCH_CHANNEL:  # Slack did not say
            self._stopped, self.complete = True, False
        return denial is None

    async def _denial(self, channel: ChannelId) -> Denial | None:
        if self._person is None:
            self._person = await self._permissions.facts.person(self._asker.user, team=self._asker.team)
        return await self._permissions.denial_to_see(self._asker, channel, self._person)


class OwnChannels(VisibleChannels):
    """Finds out which channels one person is in. Only there they may change something."""

    async def _denial(self, channel: ChannelId) -> Denial | None:
        return outside_of(await self._permissions.facts.access(channel, self._asker.user))
