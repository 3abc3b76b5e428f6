"""The audit log: who changed what, when, and from what to what. Pure."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.watch import ChannelId, UserId

LONGEST_VALUE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change of one thing. The values are plain text without secrets."""

    at: datetime
    by: UserId | None = None
    """The person who made the change. None: the bot itself."""
    by_name: str = ""
    """Plain text."""
    subject: str
    """The kind of thing, such as `watch` or `policy`."""
    label: str
    """Its name: of the pipeline, the pattern, the policy."""
    reference: str = ""
    """The pipeline's id or the pattern, if it is about one."""
    channel: ChannelId | None = None
    """The channel to which it belongs. None: the workspace."""
    before: str = ""
    """Empty: it is new."""
    after: str = ""
    """Empty: it has ended."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A part of the log, latest first. `older`: where an earlier page continues; empty if this is the last one."""

    entries: tuple[AuditEntry, ...]
    older: str = ""


def clipped_value(text: str) -> str:
    """A value that fits into an entry."""
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
