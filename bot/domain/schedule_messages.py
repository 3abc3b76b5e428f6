"""Messages about a schedule: handovers, shifts that change hands, and the problems of the schedule. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.calendar import CalendarProblem
from bot.domain.catalogue import Pipeline
from bot.domain.setup import SetupKind
from bot.domain.silence import SilenceNote
from bot.domain.watch import Target, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverItem:
    """A pipeline that the next person should know about."""

    pipeline: Pipeline
    since: datetime
    first_seen: bool = False
    """The first reading already showed it."""
    end_of_run: str = ""
    """How the run ended that made it a failure. Empty for another failure."""
    acknowledged_by: str = ""
    """The name of the person who acknowledged the failure."""


class HandoverCause(StrEnum):
    """Why other people are on call. The values are part of stored rows."""

    PLANNED = "planned"
    """By the rotation or the calendar."""
    OVERRIDE = "override"
    OVERRIDE_OVER = "override over"
    CHANGED = "changed"
    """Somebody changed the schedule or its calendar, or cancelled an override."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftHandover:
    """From `at` on, other people are on call."""

    schedule: str
    at: datetime
    outgoing: tuple[Target, ...]
    incoming: tuple[Target, ...]
    """Empty: nobody."""
    until: datetime | None
    """When other people follow. None: as far as the schedule goes, these stay."""
    direct: bool
    """True in the copy for a person who is now on call."""
    failures: tuple[HandoverItem, ...] = ()
    """The open failures."""
    flapping: tuple[HandoverItem, ...] = ()
    muted: tuple[SilenceNote, ...] = ()
    cause: HandoverCause = HandoverCause.PLANNED
    stand_in: Target | None = None
    """The person of the override that begins or ends."""
    instead_of: Target | None = None
    """The person that this override replaces. None: everyone."""
    why: str = ""
    """The reason for that override, as plain text."""
    by: UserId | None = None
    """The person who made it, or who changed what `changed` names."""
    by_name: str = ""
    changed: SetupKind | None = None
    """What changed: the schedule, its calendar or an override. None: unknown."""
    looked_at: int | None = None
    """The number of pipelines whose failures and mutes the message lists. None in rows of earlier versions."""
    pages_schedule: bool = True
    """Those pipelines page this schedule. False: no watch does, so they are all watched ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftChange:
    """Tells a person that somebody else's override, or its end, changes when they are on call."""

    schedule: str
    person: Target
    """The stand-in of the override."""
    start: datetime
    end: datetime
    why: str = ""
    by: UserId
    """The person who made the override, or ended it."""
    by_name: str
    gains: bool
    """The receiver is on call in that time, and was not before. False: the other way round."""
    cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowChange:
    """Tells a learner that somebody else made them a shadow of a schedule, or ended that."""

    schedule: str
    start: datetime
    end: datetime
    by: UserId
    by_name: str
    ended: bool


class ScheduleProblem(StrEnum):
    """What is wrong with a schedule. People hear of each kind at once, and daily while it lasts."""

    STALE = "stale"
    """Its calendar can't be read, and the last good copy is more than a day old."""
    GAP = "gap"
    """Nobody is on call for a time, and a policy or watch pages the schedule."""
    NAMELESS = "nameless"
    """Events of its calendar name nobody in this workspace."""
    NO_SCOPE = "no scope"
    """Its calendar names people by e-mail, which the bot may not look up."""
    MISSING = "missing"
    """The account of a person on call is deactivated or gone."""
    GROUP = "group"
    """Slack does not let the bot change its user group."""


class GroupRefusal(StrEnum):
    """Why the chat did not change the members of a user group. All but AWAY need a person."""

    AWAY = "away"
    NO_SCOPE = "no scope"
    FORBIDDEN = "forbidden"
    """In this workspace, apps and members may not manage user groups."""
    UNPAID = "unpaid"
    """The plan has no user groups."""
    MISSING = "missing"
    """The group does not exist, or is disabled."""
    STRANGERS = "strangers"
    """A person can't be in a group, for example because the account is deactivated."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleReport:
    """What is wrong with a schedule. The fields after `problems` belong to one kind each."""

    schedule: str
    problems: tuple[ScheduleProblem, ...]
    host: str = ""
    """Of the calendar's address."""
    calendar_problem: CalendarProblem | None = None
    copy_at: datetime | None = None
    """The last good read of the calendar. None: there was none."""
    gap_start: datetime | None = None
    gap_end: datetime | None = None
    """None: nobody follows, as far as the schedule goes."""
    nameless: tuple[datetime, ...] = ()
    """The starts of those events."""
    missing: tuple[Target, ...] = ()
    """The people on call who can't be paged."""
    group: Target | None = None
    group_refusal: GroupRefusal | None = None
