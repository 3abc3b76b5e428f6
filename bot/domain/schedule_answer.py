"""What people ask of a schedule, and the answers. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bot.domain.on_call_setup import SavedOverride, SavedShadow
from bot.domain.schedule_view import ScheduleView
from bot.domain.watch import ChannelId, Target, UserId, Watch


class ScheduleFate(Enum):
    """What became of a schedule, an override or a shadow."""

    WOULD_SAVE = "would save"
    OVERTAKEN = "overtaken"
    """Not saved: somebody changed the schedule after the person saw the effect."""
    SAVED = "saved"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    USED = "used"
    """Not removed: a policy or a watch uses it."""
    ABSENT = "absent"
    """There was nothing to remove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleAnswer:
    """A schedule as it is after the change, or as it would be."""

    fate: ScheduleFate
    view: ScheduleView
    before: ScheduleView | None = None
    """As it was. None: the schedule is new."""
    changed: tuple[SavedOverride | SavedShadow, ...] = ()
    """The overrides or shadows that the request adds or removes."""
    changes_nothing: bool = False
    """True for an override of a person who is not on call in its time."""
    policies: tuple[str, ...] = ()
    """The policies that name the schedule."""
    watches: tuple[Watch, ...] = ()
    """The watches that name the schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """The person who changes a schedule. `confirmed` False: only ask what would change."""

    by: UserId
    name: str
    confirmed: bool
    channel: ChannelId | None
    """Where they ask. It hears of the handovers of a schedule made there. None: in direct messages."""
    asked_at: datetime | None
    """When they saw the effect that they confirm. None: too long ago, or not at all."""
    existed: bool = False
    """True if they began to change a schedule that existed then. If somebody removed it since, nothing is saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideWish:
    """`end` and `start` in UTC. `start` None: when it is saved."""

    schedule: str
    person: Target
    instead_of: Target | None = None
    start: datetime | None = None
    end: datetime
    why: str = ""
    asked_at: datetime | None = None
    """When the person saw the effect. A repeated request then makes no second override. None: now."""
