"""Why other people are on call than before, and whose shift an override takes. Pure."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.on_call import OnCall, Override
from bot.domain.on_call_setup import SavedOverride, on_call_in, overrides_of
from bot.domain.schedule_messages import HandoverCause
from bot.domain.schedule_state import ScheduleState
from bot.domain.setup import Setup
from bot.domain.watch import UserId

MOST_STEPS = 100  # of one override: it lasts a year at most, and turns last a day at least


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleChange:
    """Why and when the people changed, and the override behind it, if one is."""

    at: datetime
    cause: HandoverCause
    override: SavedOverride | None = None


def people_change(setup: Setup, schedule: str, state: ScheduleState, answer: OnCall, now: datetime) -> PeopleChange:
    """From the people of the state to those of the answer, which counts at `now`."""
    before = on_call_in(setup, schedule, state.since, known_at=now)
    if before is None or before.until is None or before.until > now or set(before.people) != set(state.on_call):
        began = _newest(answer, before)
        cause = HandoverCause.OVERRIDE if began else HandoverCause.CHANGED
        return PeopleChange(at=now, cause=cause, override=_row(setup, schedule, began))
    if began := _newest(answer, before):
        return PeopleChange(at=before.until, cause=HandoverCause.OVERRIDE, override=_row(setup, schedule, began))
    if over := _newest(before, answer):
        return PeopleChange(at=before.until, cause=HandoverCause.OVERRIDE_OVER, override=_row(setup, schedule, over))
    return PeopleChange(at=before.until, cause=HandoverCause.PLANNED)


def _newest(answer: OnCall, other: OnCall | None) -> Override | None:
    """The newest override that counts in `answer`, and not in `other`."""
    known = other.overrides if other else ()
    return next((override for override in reversed(answer.overrides) if override not in known), None)


def _row(setup: Setup, schedule: str, override: Override | None) -> SavedOverride | None:
    return next((row for row in overrides_of(setup, schedule) if row.override == override), None)


@dataclass(frozen=True, slots=True)
class ChangedPeople:
    """The people who are not on call any more at some moment of a time, and those who are on call now."""

    lost: tuple[UserId, ...] = ()
    gained: tuple[UserId, ...] = ()


def changed_people(before: Setup, after: Setup, row: SavedOverride, now: datetime) -> ChangedPeople:
    """What the override changes, from now or its start to its end, between the two setups."""
    lost, gained = dict[UserId, None](), dict[UserId, None]()
    moment: datetime | None = max(row.start, now)
    for _ in range(MOST_STEPS):
        if moment is None or moment >= row.end:
            break
        was, will = (on_call_in(setup, row.schedule, moment, known_at=now) for setup in (before, after))
        if was is None or will is None:
            break
        lost |= dict.fromkeys(person for person in was.people if person not in will.people)
        gained |= dict.fromkeys(person for person in will.people if person not in was.people)
        moment = min(filter(None, (was.until, will.until)), default=None)
    return ChangedPeople(tuple(lost), tuple(gained))
