"""Records of delivery: messages, lanes and suspended channels."""

from collections.abc import Sequence

from bot.ports.telemetry import EventRecord, Level, event


@event("delivery", Level.INFO)
class DeliverySettled(EventRecord):
    """How a delivery ended. `lease_held` is false if the lease ran out during the call."""

    id: str
    receiver: str
    outcome: str
    lease_held: bool
    reason: str | None = None


@event("duplicates", Level.WARNING)
class DuplicatesFound(EventRecord):
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
    receiver: str


@event("lane_interrupted", Level.WARNING)
class LaneInterrupted(EventRecord):
    lane: str
    problem: str


@event("lane_crashed", Level.ERROR)
class LaneCrashed(EventRecord):
    lane: str
    exception: BaseException
