"""Records of delivery: messages, lanes and suspended channels.

`channel` is the receiver's name: a channel or conversation in Slack, or `KIND:ID` of another service.
"""

from collections.abc import Sequence

from bot.ports.telemetry import EventRecord, Level, event


@event("delivery", Level.INFO)
class DeliverySettled(EventRecord):
    """The outcome of one step of a delivery. `lease_held` is false if the lane's lease ran out during the call."""

    delivery: str
    channel: str
    outcome: str
    lease_held: bool
    priority: str
    pipeline: str | None = None
    """None if the message is about several pipelines, or about none."""
    reason: str | None = None
    seconds: float | None = None
    """If the receiver now has the message: the time since the read or the click that caused it."""


@event("not_notified", Level.INFO)
class NotNotified(EventRecord):
    """A step of a pipeline's episode left this conversation out. `reason` is a `SkipReason`."""

    pipeline: str
    channel: str
    reason: str


@event("pager_refused", Level.WARNING)
class PagerRefused(EventRecord):
    """An outside pager did not take a message, or did not say so. The bot sends it again."""

    delivery: str
    channel: str
    problem: str


@event("sending_started", Level.INFO)
class SendingStarted(EventRecord):
    """This bot became the active sender. The others stand by."""


@event("duplicates", Level.WARNING)
class DuplicatesFound(EventRecord):
    """One delivery was posted more than once. `messages` are the repeats, of which the bot `deleted` so many."""

    delivery: str
    channel: str
    messages: Sequence[str]
    deleted: int


@event("channel_suspended", Level.WARNING)
class ChannelSuspended(EventRecord):
    """`notified` people got a direct message."""

    channel: str
    reason: str
    notified: int


@event("channel_resumed", Level.INFO)
class ChannelResumed(EventRecord):
    """A suspended channel gets its messages again."""

    channel: str


@event("lane_interrupted", Level.WARNING)
class LaneInterrupted(EventRecord):
    """A lane's work stopped for a known reason. It goes on by itself."""

    lane: str
    channel: str
    problem: str


@event("lane_crashed", Level.ERROR)
class LaneCrashed(EventRecord):
    """An unexpected error stopped a lane's work. The bot tries again after a few seconds."""

    lane: str
    channel: str
    exception: BaseException
