"""Logs of a pipeline for people who ask, such as by the *Logs* button."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.diagnosis import LogFault
from bot.domain.log_lines import PodLog
from bot.domain.observation import PipelineId

LONGEST_TAIL = 16 * 1024  # characters of each replica's log: more than Slack shows
MOST_CHARACTERS = 128 * 1024  # of all replicas together: an answer may travel through Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAnswer:
    """The logs of one pipeline, as last read."""

    at: datetime
    """When the bot read them, or tried to."""
    pods: tuple[PodLog, ...] = ()
    """The end of each replica's log, redacted, in GoldRush's order. Not escaped for Slack."""
    not_yet: bool = False
    """GoldRush has no log of this worker yet."""
    problem: str | None = None
    """Why the bot could not read them, in words for people."""
    unread: LogFault = LogFault.FAILED
    """Only with a problem."""


class LogReads(Protocol):
    """Reads logs at a person's request. Many people who ask at once cost one request to GoldRush."""

    async def logs(self, pipeline_id: PipelineId) -> LogAnswer:
        """Answers within 8 s, and raises nothing. The answer may be up to 30 s old."""
        ...
