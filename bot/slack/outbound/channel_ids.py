"""Translates channel ids where texts and calls cross to Slack and back.

Slack may give a channel another id. The bot's rows keep the channel's stable id; Slack knows only the current one.
Source: https://docs.slack.dev/reference/events/channel_id_changed
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping

from bot.domain.alias import NO_ALIASES, Aliases
from bot.domain.watch import ChannelId
from bot.ports.store_errors import StoreAway

READ_SECONDS = 1.0  # a part of the deadline of a call
_MENTIONED = re.compile(r"(?<=<#)[A-Z0-9]+")


async def _none() -> Aliases:
    return NO_ALIASES


class ChannelIds:
    """Reads the aliases before every call, because another bot may have received Slack's announcement."""

    def __init__(self, read: Callable[[], Awaitable[Aliases]] = _none) -> None:
        self._read = read
        self._last = NO_ALIASES

    async def aliases(self) -> Aliases:
        """The last known ones if the store does not answer."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                self._last = await self._read()
        except (StoreAway, TimeoutError):
            return self._last
        return self._last

    async def current(self, arguments: Mapping[str, object]) -> Mapping[str, object]:
        """The arguments of a call, or an answer, with the ids that Slack knows now."""
        aliases = await self.aliases() if arguments else NO_ALIASES
        return _translated(arguments, aliases.current) if aliases.by_id else arguments


def with_stable_ids(payload: Mapping[str, str], aliases: Aliases) -> dict[str, str]:
    """The payload of an interaction with stable ids."""
    return {name: str(value) for name, value in _translated(payload, aliases.stable).items()}


def _translated(values: Mapping[str, object], other: Callable[[ChannelId], ChannelId]) -> Mapping[str, object]:
    def mention(found: re.Match[str]) -> str:
        return other(ChannelId(found[0]))

    def translated(value: object) -> object:
        match value:
            case str():
                return _MENTIONED.sub(mention, value)
            case list() | tuple():
                return [translated(item) for item in value]
            case dict():
                return {name: translated(item) for name, item in value.items()}
            case _:
                return value

    return {
        name: other(ChannelId(value)) if name == "channel" and isinstance(value, str) else translated(value)
        for name, value in values.items()
    }
