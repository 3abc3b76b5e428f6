"""Where a channel gets what follows a failure's card: the end of the failure, and later calls. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from bot.domain.setup import Setup, SetupKind, SetupRow
from bot.domain.watch import ChannelId, Target, TargetKind


class FollowUpStyle(StrEnum):
    """The value is part of a row, so it never changes."""

    THREAD = "thread"
    """Only in the thread of the card."""
    BROADCAST = "broadcast"
    """In the thread, and in the channel too."""
    CHANNEL = "channel"
    """As messages of the channel, outside the thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUps(SetupRow):
    """The style of one channel."""

    kind: ClassVar = SetupKind.FOLLOW_UPS
    made_in: ChannelId
    style: FollowUpStyle

    @property
    def id(self) -> str:
        return self.made_in

    @property
    def label(self) -> str:
        return "channel"

    @property
    def summary(self) -> str:
        return self.style

    @property
    def channel(self) -> ChannelId:
        return self.made_in


def follow_up_style(setup: Setup, channel: ChannelId) -> FollowUpStyle:
    """The style of the channel. Nobody set one: broadcast."""
    row = setup.get(FollowUps, channel)
    return row.style if row else FollowUpStyle.BROADCAST


def call_style(setup: Setup, channel: ChannelId, targets: tuple[Target, ...]) -> FollowUpStyle:
    """The style of a later call. `here` and `channel` may notify nobody in a thread: the channel sees those calls."""
    style = follow_up_style(setup, channel)
    everyone = any(target.kind in {TargetKind.HERE, TargetKind.CHANNEL} for target in targets)
    return FollowUpStyle.BROADCAST if style is FollowUpStyle.THREAD and everyone else style
