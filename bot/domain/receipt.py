"""The receipt for the news of a pipeline: who was notified when, and who was not, with the reason."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.observation import PipelineId


class SkipReason(StrEnum):
    """Why somebody was not notified. The values are part of stored rows, of the log and of a metric."""

    FILTERED = "filtered"  # the watches of the channel leave this event out
    MUTED = "muted"
    MAINTENANCE = "maintenance"
    QUIET_HOURS = "quiet_hours"
    FLAPPING = "flapping"
    SUSPENDED = "suspended"  # the channel takes no messages
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    CONFIRMING = "confirming"  # the watch asks for a second reading
    LATE_CHAIN = "late_chain"  # the lag is the chain's, and the card of another pipeline says so
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
    """The person, group or step that was not paged, as plain text. Empty: the message itself was left out."""


class MessageForm(StrEnum):
    """How a message shows the news. The values are part of stored rows."""

    CARD = "card"
    GROUP = "group"  # in the message of a group
    JOINED = "joined"  # the message of a posted group shows one more failure, without a new message
    UPDATE = "update"  # a card or a group that was posted before, changed without a new message
    THREAD = "thread"
    DIGEST = "digest"
    SUMMARY = "summary"  # of direct pages that were held back
    PAGE = "page"  # a mention apart from the card
    PAGER = "pager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A message with news of one pipeline that its receiver accepted, or refused for good."""

    pipeline_id: PipelineId
    conversation: str
    """`Receiver.name`."""
    form: MessageForm
    since: datetime
    """`TimelineEntry.at` of the first news in the message."""
    until: datetime
    """The same of the last news."""
    at: datetime
    """When the receiver accepted the message."""
    seconds: float
    """How long that took, from the read or click that caused it."""
    attempts: int
    paged: tuple[str, ...] = ()
    """The names of the people and groups that the message mentions, as plain text."""
    refused: str = ""
    """Why the receiver will never get it. Empty if it accepted."""
    broadcast: bool = False
    """THREAD: the channel saw it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """The conversations that one step was meant to notify, and those that it left out. Written with the step."""

    at: datetime
    """`TimelineEntry.at` of the news."""
    conversations: tuple[str, ...] = ()
    skips: tuple[Skip, ...] = ()


ReceiptRow = Receipt | Addressed
