"""The receipt for the news of a pipeline: who was notified when, and who was not, with the reason."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SkipReason(StrEnum):
    """Why somebody was not notified. The values are part of stored rows, of the log and of a metric."""

    FILTERED = "filtered"  # the watches of the channel leave this event out
    MUTED = "muted"
    MAINTENANCE = "maintenance"
    QUIET_HOURS = "quiet_hours"
    FLAPPING = "flapping"
    GROUPED = "grouped"  # the page of the group stands for this one
    SUSPENDED = "suspended"  # the channel takes no messages
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    CONFIRMING = "confirming"  # the watch asks for a second reading
    REACHED_NOBODY = "reached_nobody"  # the step of the policy has nobody to page


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A conversation or a target that one step of an episode did not notify."""

    conversation: str
    """`Receiver.name` of the conversation that would have got the message."""
    revision: int
    """`TimelineEntry.revision` of the news."""
    at: datetime
    """`TimelineEntry.at` of the news."""
    reason: SkipReason
    words: str = ""
    """Details for people, as plain text: who muted the pipeline, and until when."""
    target: str = ""
    """The name of the person or group that was not paged, as plain text. Empty: the message itself was left out."""
