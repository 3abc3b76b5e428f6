"""Records of delivery: messages, lanes and suspended channels."""

from collections.abc import Sequence

from bot.ports.telemetry import EventRecord, Level, event


@event("delivery", Level.INFO)
class DeliverySettled(EventRecord):
    """The outcome of one step of a delivery. `lease_held` is false if the lane's lease ran out during the call."""

    id: str
    receiver: str
    outcome: str
    lease_held: bool
    reason: str | None = None


@event("duplicates", Level.WARNING)
class DuplicatesFound(EventRecord):
    """One delivery was posted more than once. `messages` are the repeats, of which the bot `deleted` so many."""

    delivery: str
    receiver: str
    messages: Sequence[str]
    deleted: int


@event("channel_suspended", Level.WARNING)
class ChannelSuspended(EventRecord):
    """`notified` people got a direct message."""

    receiver: str
    reason: str
    notified: int


@event("channel_resumed", Level.INFO)
class ChannelResumed(EventRecord):
    """A suspended channel gets its messages again."""

    receiver: str


@event("lane_interrupted", Level.WARNING)
class LaneInterrupted(EventRecord):
    """A lane's work stopped for a known reason. It goes on by itself."""

    lane: str
    problem: str


@event("lane_crashed", Level.ERROR)
class LaneCrashed(EventRecord):
    """An unexpected error stopped a lane's work. The bot tries again after a few seconds."""

    lane: str
    exception: BaseException
