"""Which processes of a workspace live, and whether they fit together. Pure.

Each process announces its roles every `ANNOUNCE_SECONDS`. The active scheduler also announces what it reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

ANNOUNCE_SECONDS = 5.0
ABSENT_SECONDS = 20.0
"""A role without an announcement for this time is absent.

A standby scheduler or sender announces its role too, and takes over within 12 s.
"""
GAP_SECONDS = 1.5 * ANNOUNCE_SECONDS
"""Between two looks at the announcements: from then on, one look failed."""

SCHEDULER, READER, SENDER = "scheduler", "reader", "sender"
WITHOUT: Mapping[str, str] = {
    "slack": "nobody answers commands and clicks",
    SCHEDULER: "nobody reads the pipelines",
    READER: "nobody reads the pipelines",
    SENDER: "no message reaches Slack",
}
"""Every role of a workspace, and what happens without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingSource:
    """What a process reads: an address of GoldRush with a ServiceKey."""

    url: str
    fingerprint: str
    """Tells sources apart. It contains no key."""
    shared: bool = True
    """A scheduler hands its reads to readers. False: it reads by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What the processes of a workspace last announced."""

    seen: Mapping[str, datetime]
    """By role: when a process last announced it."""
    source: ReadingSource | None = None
    """What the active scheduler reads."""
    source_at: datetime | None = None
    """When it last said so."""


@dataclass(slots=True)
class UnbrokenView:
    """Since when this process has seen the announcements without a gap, in monotonic seconds.

    While Redis is away, nobody can announce itself. So a gap says nothing: the others get the full time again.
    """

    since: float = float("-inf")
    _last: float = float("-inf")

    def renew(self, now: float) -> bool:
        """This process sees the announcements at `now`. True for the first time, and after a gap."""
        begins = now - self._last > GAP_SECONDS
        self._last = now
        if begins:
            self.since = now
        return begins


def absence(role: str, seconds: float) -> str:
    """Says for how long no process has played the role, and the consequence."""
    return f"no process with the role {role} has run for {seconds:.0f} s: {WITHOUT[role]}"


def is_silent(announced: Announced, now: datetime) -> bool:
    """True if no active scheduler has lately said what it reads."""
    return announced.source_at is None or (now - announced.source_at).total_seconds() > ABSENT_SECONDS


def reader_obstacle(own: ReadingSource, announced: Announced, team: str, now: datetime) -> str | None:
    """Why a reader of this workspace gets no reads. None: nothing is in its way."""
    if announced.source is None or announced.source_at is None:
        return (
            f"no scheduler of the workspace {team} has used this Redis: "
            "is PIPELINE_BOT_TEAM its id, and REDIS_URL that of the scheduler?"
        )
    if is_silent(announced, now):
        seconds = (now - announced.source_at).total_seconds()
        return f"no scheduler of the workspace {team} has run for {seconds:.0f} s"
    return misfit(own, announced.source)


def misfit(own: ReadingSource, scheduler: ReadingSource) -> str | None:
    """Why a scheduler that reads `scheduler` hands nothing to a reader of `own`."""
    if not scheduler.shared:
        return "the active scheduler reads by itself, so readers get nothing: run it with --role scheduler"
    if own.url != scheduler.url:
        return (
            f"GOLDRUSH_API_URL is {own.url} here and {scheduler.url} at the active scheduler, "
            "so this reader gets nothing: make them equal"
        )
    if own.fingerprint != scheduler.fingerprint:
        return (
            "GOLDRUSH_SERVICE_KEY, or the bot's version, is not that of the active scheduler, "
            "so this reader gets nothing: make them equal"
        )
    return None
