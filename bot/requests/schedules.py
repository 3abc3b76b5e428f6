"""Shows and changes schedules. `shifts` has overrides and shadows. Answers are values; `slack` renders them.

Each change has a preview: the same plan, with `confirmed` False, changes nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.domain.answer import RefusalAnswer
from bot.domain.calendar import CalendarCopy, PendingCalendar, SavedCalendar
from bot.domain.on_call_setup import (
    SavedPolicy,
    SavedRotation,
    SavedSchedule,
    name_key,
    overrides_of,
    shadows_of,
)
from bot.domain.rotation_plan import RotationWish, planned_rotation
from bot.domain.schedule_answer import Editor, ScheduleAnswer, ScheduleFate
from bot.domain.schedule_view import ScheduleView, schedule_view, schedules_in_order, with_rows
from bot.domain.setup import Setup, SetupRow
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import Target, TargetKind
from bot.requests.policies import missing_schedule
from bot.requests.setup_changes import SetupPlan
from bot.requests.shifts import Shifts, refused_schedule

MOST_SCHEDULES = 100
MOST_PEOPLE = 50


class Schedules(Shifts):
    """The schedules of the workspace. Everyone who may change watches may change them."""

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
        if refusal := refused_rotation(len(wish.people)):
            return refusal

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
                return SetupPlan(answer=refused_schedule(reason, command="oncall"))
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


def refused_rotation(people: int) -> RefusalAnswer | None:
    """Why so many people can't take turns. A caller asks before it looks all of them up."""
    if not people:
        return refused_schedule("A rotation needs people.", command="help schedule")
    if people > MOST_PEOPLE:
        reason = f"A rotation has {MOST_PEOPLE} people at most, and you named {people}."
        return refused_schedule(reason, command="help schedule")
    return None


def _pending_edits(setup: Setup, pending: PendingCalendar, *, saves: bool) -> tuple[SetupEdit, ...]:
    """With the schedule, its first copy is saved, and the question is over."""
    stored = setup.get(PendingCalendar, pending.id)
    if not saves:
        return (SetupEdit(before=stored, after=pending),)
    copy = SetupEdit(before=setup.get(CalendarCopy, pending.copy.id), after=pending.copy)
    return (copy, SetupEdit(before=stored)) if stored else (copy,)
