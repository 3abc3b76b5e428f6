"""Shows and changes schedules, overrides and shadows. Answers are values; `slack` renders them.

Each change has a preview: the same plan, with `confirmed` False, changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from bot.domain.answer import RefusalAnswer
from bot.domain.calendar import CalendarCopy, PendingCalendar, SavedCalendar
from bot.domain.on_call_setup import (
    SavedOverride,
    SavedPolicy,
    SavedRotation,
    SavedSchedule,
    SavedShadow,
    name_key,
    overrides_of,
    shadows_of,
)
from bot.domain.rotation_plan import RotationWish, planned_rotation
from bot.domain.schedule_view import ScheduleView, schedule_view, schedules_in_order, with_rows
from bot.domain.setup import Setup, SetupRow
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import ChannelId, Target, TargetKind, UserId, Watch
from bot.ports.clock import Clock
from bot.requests.policies import missing_schedule
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.state.repository import Repository

MOST_SCHEDULES = 100
MOST_PEOPLE = 50
MOST_OVERRIDES = 50
MOST_SHADOWS = 20
LONGEST_OVERRIDE = timedelta(days=366)
LONGEST_WHY = 200
FORGOTTEN_AFTER = timedelta(days=7)
"""An override that ended so long ago goes with the next change of its schedule."""
REPEATED_WITHIN = timedelta(minutes=2)
UNCHANGED = "Nothing was changed."


class ScheduleFate(Enum):
    """What became of a schedule, an override or a shadow."""

    WOULD_SAVE = "would save"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideWish:
    """`end` and `start` in UTC. `start` None: now."""

    schedule: str
    person: Target
    instead_of: Target | None = None
    start: datetime | None = None
    end: datetime
    why: str = ""


class Schedules:
    """The schedules of the workspace. Everyone who may change watches may change them."""

    def __init__(self, *, repository: Repository, changes: SetupChanges, clock: Clock) -> None:
        self._repository = repository
        self._changes = changes
        self._clock = clock

    @property
    def now(self) -> datetime:
        """From which the times in a command count."""
        return self._clock.now()

    @property
    def setup(self) -> Setup:
        """As this process knows it."""
        return self._changes.setup

    def with_group(self, group: str, *, except_for: str) -> str:
        """The name of another schedule that this user group follows. Empty: there is none."""
        others = (saved for saved in self.setup.all(SavedSchedule) if saved.id != name_key(except_for))
        return next((saved.name for saved in others if saved.group and saved.group.id == group), "")

    def only_name(self) -> str:
        """The name of the only schedule. Empty if there is none, or if there are several."""
        names = [saved.name for saved in self._changes.setup.all(SavedSchedule)]
        return names[0] if len(names) == 1 else ""

    # --- show ------------------------------------------------------------------------------------------------------

    def all(self) -> tuple[ScheduleView, ...]:
        setup, at = self._changes.setup, self._clock.now()
        views = (schedule_view(setup, saved, at) for saved in schedules_in_order(setup))
        return tuple(view for view in views if view)

    def show(self, name: str) -> ScheduleAnswer | RefusalAnswer:
        setup, at = self._changes.setup, self._clock.now()
        saved = setup.get(SavedSchedule, name_key(name))
        view = schedule_view(setup, saved, at) if saved else None
        if view is None:
            return missing_schedule(setup, name)
        return self._with_users(ScheduleAnswer(fate=ScheduleFate.UNCHANGED, view=view), setup)

    def _with_users(self, answer: ScheduleAnswer, setup: Setup) -> ScheduleAnswer:
        key = answer.view.saved.id

        def names(target: Target) -> bool:
            return target.kind is TargetKind.ON_CALL and name_key(target.id) == key

        policies = tuple(
            saved.policy.name
            for saved in setup.all(SavedPolicy)
            if any(map(names, (t for step in saved.policy.steps for t in step.targets)))
            or any(map(names, saved.policy.last_resort))
        )
        watches = tuple(
            self._repository.named(watch) for watch in self._repository.watches.all if any(map(names, watch.targets))
        )
        return ScheduleAnswer(
            fate=answer.fate,
            view=answer.view,
            before=answer.before,
            changed=answer.changed,
            policies=policies,
            watches=watches,
        )

    # --- schedules -------------------------------------------------------------------------------------------------

    async def rotate(self, name: str, wish: RotationWish, editor: Editor) -> ScheduleAnswer | RefusalAnswer:
        """Creates a rotation, or changes it. A change keeps the current person's turn."""
        if not wish.people:
            return _refused("A rotation needs people.")
        if len(wish.people) > MOST_PEOPLE:
            return _refused(f"A rotation has {MOST_PEOPLE} people at most, and you named {len(wish.people)}.")

        def source(before: SavedSchedule | None, at: datetime) -> tuple[SavedRotation | None, SavedCalendar | None]:
            return planned_rotation(wish, before.rotation if before else None, at), None

        return await self._save(name, source, editor)

    async def follow(self, pending: PendingCalendar, editor: Editor) -> ScheduleAnswer | RefusalAnswer:
        """Creates a schedule that follows a calendar, or lets an existing one follow it.

        Without a confirmation it keeps `pending`, so that the question need not hold the address.
        """
        return await self._save(pending.schedule, lambda _before, _at: (None, pending.calendar), editor, pending)

    async def _save(
        self,
        name: str,
        source: Callable[[SavedSchedule | None, datetime], tuple[SavedRotation | None, SavedCalendar | None]],
        editor: Editor,
        pending: PendingCalendar | None = None,
    ) -> ScheduleAnswer | RefusalAnswer:
        def make(setup: Setup, at: datetime) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
            before = setup.get(SavedSchedule, name_key(name))
            if before is None and len(setup.all(SavedSchedule)) >= MOST_SCHEDULES:
                reason = f"There are already {MOST_SCHEDULES} schedules: that is the limit."
                return SetupPlan(answer=_refused(reason, command="oncall"))
            rotation, calendar = source(before, at)
            new = SavedSchedule(
                name=name,
                rotation=rotation,
                calendar=calendar,
                posts_in=before.posts_in if before else editor.channel,
                group=before.group if before else None,
                made_by=editor.by,
                made_by_name=editor.name,
                made_at=at,
            )
            same = before is not None and (before.name, before.rotation, before.calendar) == (name, rotation, calendar)
            edit = SetupEdit(before=before, after=new)
            if pending is None:
                return self._plan(setup, at, editor, edit, same=same)
            plan = self._plan(with_rows(setup, pending.copy), at, editor, edit, same=same)
            return replace(plan, edits=(*plan.edits, *_pending_edits(setup, pending, saves=bool(plan.edits))))

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

    async def link(
        self, name: str, change: Callable[[SavedSchedule], SavedSchedule], editor: Editor
    ) -> ScheduleAnswer | RefusalAnswer:
        """Changes the channel or the user group of a schedule."""

        def make(setup: Setup, at: datetime) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
            before = setup.get(SavedSchedule, name_key(name))
            if before is None:
                return SetupPlan(answer=missing_schedule(setup, name))
            changed = change(before)
            after = replace(changed, made_by=editor.by, made_by_name=editor.name, made_at=at)
            return self._plan(setup, at, editor, SetupEdit(before=before, after=after), same=changed == before)

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

    async def remove(self, name: str, editor: Editor) -> ScheduleAnswer | RefusalAnswer:
        """Removes a schedule with its overrides and shadows, unless a policy or watch uses it."""

        def make(setup: Setup, at: datetime) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
            saved = setup.get(SavedSchedule, name_key(name))
            view = schedule_view(setup, saved, at) if saved else None
            if saved is None or view is None:
                return SetupPlan(answer=missing_schedule(setup, name))
            used = self._with_users(ScheduleAnswer(fate=ScheduleFate.USED, view=view), setup)
            if used.policies or used.watches:
                return SetupPlan(answer=used)
            rows: tuple[SetupRow, ...] = (saved, *overrides_of(setup, name), *shadows_of(setup, name))
            edits = tuple(SetupEdit(before=row) for row in rows)
            return SetupPlan(answer=ScheduleAnswer(fate=ScheduleFate.REMOVED, view=view), edits=edits)

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

    # --- overrides and shadows -------------------------------------------------------------------------------------

    async def override(self, wish: OverrideWish, editor: Editor) -> ScheduleAnswer | RefusalAnswer:
        """Puts a person on call for a time, instead of another one or of everyone."""

        def make(setup: Setup, at: datetime) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
            saved = setup.get(SavedSchedule, name_key(wish.schedule))
            if saved is None:
                return SetupPlan(answer=missing_schedule(setup, wish.schedule))
            if wish.instead_of and wish.instead_of.id == wish.person.id:
                return SetupPlan(answer=_refused("A person can't take over from themselves.", command="help oncall"))
            start = wish.start or at
            ahead = [row for row in overrides_of(setup, saved.name) if row.end > at]
            if repeated := next((row for row in ahead if _is_repeat(row, wish, start)), None):
                edit = SetupEdit(before=repeated, after=repeated)
                return self._plan(setup, at, editor, edit, schedule=saved, same=True)
            if refusal := _wrong_span(start, wish.end, at, "override") or _too_many(ahead, MOST_OVERRIDES, "overrides"):
                return SetupPlan(answer=refusal)
            after = SavedOverride(
                schedule=saved.name,
                person=wish.person,
                instead_of=wish.instead_of,
                start=start,
                end=wish.end,
                why=wish.why[:LONGEST_WHY],
                made_by=editor.by,
                made_by_name=editor.name,
                made_at=at,
            )
            return self._plan(setup, at, editor, SetupEdit(after=after), schedule=saved)

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

    async def cancel(self, name: str, person: UserId, editor: Editor) -> ScheduleAnswer | RefusalAnswer:
        """Ends the overrides, current and future, that put this person on call or that this person made."""

        def make(setup: Setup, at: datetime) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
            ending = [
                row for row in overrides_of(setup, name) if row.end > at and person in {row.person.id, row.made_by}
            ]
            return self._removal(setup, at, editor, name, ending)

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

    async def shadow(
        self, name: str, person: Target, end: datetime, editor: Editor, *, start: datetime | None = None
    ) -> ScheduleAnswer | RefusalAnswer:
        """Lets a learner get copies of the pages to whoever is on call. They never count as paged."""

        def make(setup: Setup, at: datetime) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
            saved = setup.get(SavedSchedule, name_key(name))
            if saved is None:
                return SetupPlan(answer=missing_schedule(setup, name))
            ahead = [row for row in shadows_of(setup, name) if row.end > at and row.person.id != person.id]
            if refusal := _wrong_span(start or at, end, at, "shadow") or _too_many(ahead, MOST_SHADOWS, "shadows"):
                return SetupPlan(answer=refusal)
            after = SavedShadow(
                schedule=saved.name,
                person=person,
                start=start or at,
                end=end,
                made_by=editor.by,
                made_by_name=editor.name,
                made_at=at,
            )
            before = setup.get(SavedShadow, after.id)
            return self._plan(setup, at, editor, SetupEdit(before=before, after=after), schedule=saved)

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

    async def end_shadow(self, name: str, person: UserId, editor: Editor) -> ScheduleAnswer | RefusalAnswer:
        """Ends the copies to a learner."""

        def make(setup: Setup, at: datetime) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
            ending = [row for row in shadows_of(setup, name) if row.end > at and row.person.id == person]
            return self._removal(setup, at, editor, name, ending)

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

    # --- plans -----------------------------------------------------------------------------------------------------

    def _plan(
        self,
        setup: Setup,
        at: datetime,
        editor: Editor,
        edit: SetupEdit,
        *,
        schedule: SavedSchedule | None = None,
        same: bool = False,
    ) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
        """The edit, and the schedule as it is with it. Drops what ended long ago."""
        after = edit.row
        if not isinstance(after, SavedSchedule | SavedOverride | SavedShadow):
            raise TypeError(f"{after.kind} is no part of a schedule")
        saved = after if isinstance(after, SavedSchedule) else schedule
        view = schedule_view(with_rows(setup, after), saved, at) if saved else None
        if saved is None or view is None:
            return SetupPlan(answer=missing_schedule(setup, after.label))
        fate = ScheduleFate.UNCHANGED if same else ScheduleFate.SAVED if editor.confirmed else ScheduleFate.WOULD_SAVE
        old = setup.get(SavedSchedule, saved.id)
        answer = ScheduleAnswer(
            fate=fate,
            view=view,
            before=schedule_view(setup, old, at) if old else None,
            changed=() if isinstance(after, SavedSchedule) else (after,),
        )
        if fate is not ScheduleFate.SAVED:
            return SetupPlan(answer=answer)
        over = [row for row in _parts(setup, saved.name) if row.end <= at - FORGOTTEN_AFTER and row.key != after.key]
        return SetupPlan(answer=answer, edits=(edit, *(SetupEdit(before=row) for row in over)))

    def _removal(
        self,
        setup: Setup,
        at: datetime,
        editor: Editor,
        name: str,
        ending: list[SavedOverride] | list[SavedShadow],
    ) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
        del editor
        saved = setup.get(SavedSchedule, name_key(name))
        keys = {row.key for row in ending}
        remaining = Setup(tuple(row for row in setup.rows if row.key not in keys))
        view = schedule_view(remaining, saved, at) if saved else None
        if view is None:
            return SetupPlan(answer=missing_schedule(setup, name))
        fate = ScheduleFate.REMOVED if ending else ScheduleFate.ABSENT
        answer = ScheduleAnswer(fate=fate, view=view, changed=tuple(ending))
        return SetupPlan(answer=answer, edits=tuple(SetupEdit(before=row) for row in ending))


def _pending_edits(setup: Setup, pending: PendingCalendar, *, saves: bool) -> tuple[SetupEdit, ...]:
    """With the schedule, its first copy is saved, and the question is over."""
    stored = setup.get(PendingCalendar, pending.id)
    if not saves:
        return (SetupEdit(before=stored, after=pending),)
    copy = SetupEdit(before=setup.get(CalendarCopy, pending.copy.id), after=pending.copy)
    return (copy, SetupEdit(before=stored)) if stored else (copy,)


def _parts(setup: Setup, name: str) -> tuple[SavedOverride | SavedShadow, ...]:
    return (*overrides_of(setup, name), *shadows_of(setup, name))


def _is_repeat(row: SavedOverride, wish: OverrideWish, start: datetime) -> bool:
    """True if the same request made this override before: a bot may die over a command, and another one repeats it."""
    same = (row.person, row.instead_of, row.why) == (wish.person, wish.instead_of, wish.why[:LONGEST_WHY])
    return same and max(abs(row.start - start), abs(row.end - wish.end)) < REPEATED_WITHIN


def _wrong_span(start: datetime, end: datetime, at: datetime, noun: str) -> RefusalAnswer | None:
    if end <= at or end <= start:
        return _refused(f"That {noun} would end before it begins, or is over already.", command="help oncall")
    if end - start > LONGEST_OVERRIDE or start - at > LONGEST_OVERRIDE:
        return _refused(f"An {noun} lasts a year at most." if noun == "override" else f"A {noun} lasts a year at most.")
    return None


def _too_many(rows: list[SavedOverride] | list[SavedShadow], most: int, noun: str) -> RefusalAnswer | None:
    if len(rows) < most:
        return None
    return _refused(f"This schedule already has {most} {noun}: that is the limit.")


def _refused(reason: str, command: str = "") -> RefusalAnswer:
    return RefusalAnswer(reason=f"{reason} {UNCHANGED}", command=command)
