"""The ids that Slack gave a channel one after the other. Pure.

Rows hold only the channel's stable id, the one that the bot met first. It sends to the current id.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.domain.watch import ChannelId


class IdChange(NamedTuple):
    """Slack gave a channel a new id."""

    old: ChannelId
    new: ChannelId
    at: str
    """Slack's stamp of the event, which orders the changes of one channel."""


class Alias(NamedTuple):
    """One id of a channel, with the stable id of the same channel."""

    stable: ChannelId
    since: str
    """Slack's stamp of the last change to this id. Empty for the channel's first id."""


@dataclass(frozen=True, slots=True)
class Aliases:
    """Every id of each channel that ever got another id. All other channels have one id, and are not in here."""

    by_id: Mapping[ChannelId, Alias] = field(default_factory=dict)

    def stable(self, channel: ChannelId) -> ChannelId:
        """The id that the rows of this channel hold."""
        alias = self.by_id.get(channel)
        return alias.stable if alias else channel

    def current(self, channel: ChannelId) -> ChannelId:
        """The id that Slack knows now."""
        stable = self.stable(channel)
        ids = {channel_id: alias.since for channel_id, alias in self.by_id.items() if alias.stable == stable}
        return max(ids, key=lambda channel_id: (ids[channel_id], channel_id != stable), default=channel)

    def with_changes(self, changes: Iterable[IdChange]) -> "Aliases":
        """These aliases and the changes. The order of the changes and repeats make no difference to the current id."""
        by_id = dict(self.by_id)
        for old, new, at in changes:
            first = Aliases(by_id).stable(old)
            joined = {first, Aliases(by_id).stable(new)}
            for channel_id in (old, new):
                by_id.setdefault(channel_id, Alias(first, ""))
            by_id |= {
                channel_id: Alias(first, since) for channel_id, (stable, since) in by_id.items() if stable in joined
            }
            by_id[new] = Alias(first, max(by_id[new].since, at))
        return Aliases(by_id)


NO_ALIASES = Aliases()
