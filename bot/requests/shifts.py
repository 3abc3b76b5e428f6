"""Changes who is on call for a time, and who learns. With `confirmed` False, a change only shows its effect."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.answer import RefusalAnswer
from bot.domain.on_call_setup import (
    SavedOverride,
    SavedSchedule,
    SavedShadow,
    name_key,
    overrides_of,
    shadows_of,
)
from bot.domain.schedule_answer import Editor, OverrideWish, ScheduleAnswer, ScheduleFate
from bot.domain.schedule_view import changes_nothing, schedule_view, with_rows, without_rows
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import Target, UserId
from bot.ports.clock import Clock
from bot.ports.conversations import DirectConversations
from bot.requests.policies import missing_schedule
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.requests.shadow_notices import shadow_notices
from bot.requests.shift_notices import ShiftEdit, ShiftNotices
from bot.state.repository import Repository

MOST_OVERRIDES = 50
MOST_SHADOWS = 20
LONGEST_OVERRIDE = timedelta(days=366)
LONGEST_WHY = 200
FORGOTTEN_AFTER = timedelta(days=7)
"""An override that ended so long ago goes with the next change of its schedule."""
REPEATED_WITHIN = timedelta(minutes=2)
UNCHANGED = "Nothing was changed."


class Shifts:
    """Overrides and shadows of the schedules."""

    def __init__(
        self, *, repository: Repository, changes: SetupChanges, conversations: DirectConversations, clock: Clock
    ) -> None:
        self._repository = repository
        self._changes = changes
        self._notices = ShiftNotices(conversations, repository.team)
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

    async def override(self, wish: OverrideWish, editor: Editor) -> ScheduleAnswer | RefusalAnswer:
        """Puts a person on call for a time, instead of another one or of everyone. Tells those who lose their shift."""
        planned = _override(wish, editor, self.setup, self.now)
        edit = _begun(self.setup, planned, self.now)
        conversations = await self._notices.conversations(edit, editor) if editor.confirmed else {}

        def make(setup: Setup, at: datetime) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
            saved = setup.get(SavedSchedule, name_key(wish.schedule))
            if saved is None:
                return SetupPlan(answer=missing_schedule(setup, wish.schedule))
            if wish.instead_of and wish.instead_of.id == wish.person.id:
                return SetupPlan(
                    answer=refused_schedule("A person can't take over from themselves.", command="help oncall")
                )
            start = wish.start or at
            ahead = [row for row in overrides_of(setup, saved.name) if row.end > at]
            if repeated := next((row for row in ahead if _is_repeat(row, wish, start)), None):
                edit = SetupEdit(before=repeated, after=repeated)
                return self._plan(setup, at, editor, edit, schedule=saved, same=True)
            if refusal := _wrong_span(start, wish.end, at, "override") or _too_many(ahead, MOST_OVERRIDES, "overrides"):
                return SetupPlan(answer=refusal)
            after = _override(wish, editor, setup, at)
            plan = self._plan(setup, at, editor, SetupEdit(after=after), schedule=saved)
            notices = self._notices.messages(_begun(setup, after, at), editor, conversations)
            return replace(plan, announcements=notices if plan.edits else ())

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

    async def cancel(self, name: str, person: UserId, editor: Editor) -> ScheduleAnswer | RefusalAnswer:
        """Ends the overrides, current and future, that put this person on call or that this person made."""
        ending = _overrides_by(self.setup, name, person, self.now)
        conversations = await self._notices.conversations(_ended(self.setup, ending, self.now), editor)

        def make(setup: Setup, at: datetime) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
            ending = _overrides_by(setup, name, person, at)
            notices = self._notices.messages(_ended(setup, ending, at), editor, conversations)
            return replace(self._removal(setup, at, name, ending), announcements=notices)

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

    async def shadow(
        self, name: str, person: Target, end: datetime, editor: Editor, *, start: datetime | None = None
    ) -> ScheduleAnswer | RefusalAnswer:
        """Lets a learner get copies of the pages to the person on call. They never count as paged."""

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
            plan = self._plan(setup, at, editor, SetupEdit(before=before, after=after), schedule=saved)
            is_news = bool(plan.edits) and not (before and before.end == end)
            notices = shadow_notices(self._repository.team, [after] if is_news else [], editor, at)
            return replace(plan, announcements=notices)

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

    async def end_shadow(self, name: str, person: UserId, editor: Editor) -> ScheduleAnswer | RefusalAnswer:
        """Ends the copies to a learner."""

        def make(setup: Setup, at: datetime) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
            ending = [row for row in shadows_of(setup, name) if row.end > at and row.person.id == person]
            notices = shadow_notices(self._repository.team, ending, editor, at, ended=True)
            return replace(self._removal(setup, at, name, ending), announcements=notices)

        return await self._changes.write(make, by=editor.by, by_name=editor.name)

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
        old = setup.get(SavedSchedule, saved.id)
        fate = ScheduleFate.UNCHANGED if same else ScheduleFate.SAVED if editor.confirmed else ScheduleFate.WOULD_SAVE
        if fate is ScheduleFate.SAVED and old and old.source != saved.source and old.is_newer_than(editor.asked_at):
            fate = ScheduleFate.OVERTAKEN
        if old is None and editor.existed:
            fate = ScheduleFate.OVERTAKEN  # somebody removed it
        answer = ScheduleAnswer(
            fate=fate,
            view=view,
            before=schedule_view(setup, old, at) if old else None,
            changed=() if isinstance(after, SavedSchedule) else (after,),
            changes_nothing=isinstance(after, SavedOverride) and changes_nothing(setup, after, at),
        )
        if fate is not ScheduleFate.SAVED:
            return SetupPlan(answer=answer)
        over = [row for row in _parts(setup, saved.name) if row.end <= at - FORGOTTEN_AFTER and row.key != after.key]
        return SetupPlan(answer=answer, edits=(edit, *(SetupEdit(before=row) for row in over)))

    def _removal(
        self,
        setup: Setup,
        at: datetime,
        name: str,
        ending: list[SavedOverride] | list[SavedShadow],
    ) -> SetupPlan[ScheduleAnswer | RefusalAnswer]:
        saved = setup.get(SavedSchedule, name_key(name))
        view = schedule_view(without_rows(setup, *ending), saved, at) if saved else None
        if view is None:
            return SetupPlan(answer=missing_schedule(setup, name))
        fate = ScheduleFate.REMOVED if ending else ScheduleFate.ABSENT
        answer = ScheduleAnswer(fate=fate, view=view, changed=tuple(ending))
        return SetupPlan(answer=answer, edits=tuple(SetupEdit(before=row) for row in ending))


def _parts(setup: Setup, name: str) -> tuple[SavedOverride | SavedShadow, ...]:
    return (*overrides_of(setup, name), *shadows_of(setup, name))


def _override(wish: OverrideWish, editor: Editor, setup: Setup, at: datetime) -> SavedOverride:
    saved = setup.get(SavedSchedule, name_key(wish.schedule))
    return SavedOverride(
        schedule=saved.name if saved else wish.schedule,
        person=wish.person,
        instead_of=wish.instead_of,
        start=wish.start or at,
        end=wish.end,
        why=wish.why[:LONGEST_WHY],
        made_by=editor.by,
        made_by_name=editor.name,
        made_at=at,
    )


def _begun(setup: Setup, row: SavedOverride, at: datetime) -> ShiftEdit:
    return ShiftEdit(before=setup, after=with_rows(setup, row), rows=[row], at=at)


def _overrides_by(setup: Setup, name: str, person: UserId, at: datetime) -> list[SavedOverride]:
    rows = (row for row in overrides_of(setup, name) if row.end > at)
    return [row for row in rows if person in {row.person.id, row.made_by}]


def _ended(setup: Setup, rows: list[SavedOverride], at: datetime) -> ShiftEdit:
    return ShiftEdit(before=setup, after=without_rows(setup, *rows), rows=rows, at=at, cancelled=True)


def _is_repeat(row: SavedOverride, wish: OverrideWish, start: datetime) -> bool:
    """True if the same request made this override before: a bot may die over a command, and another one repeats it."""
    same = (row.person, row.instead_of, row.why) == (wish.person, wish.instead_of, wish.why[:LONGEST_WHY])
    earliest = wish.asked_at if wish.asked_at and not wish.start else start  # the first click came after the question
    begins = earliest - REPEATED_WITHIN < row.start < start + REPEATED_WITHIN
    return same and begins and abs(row.end - wish.end) < REPEATED_WITHIN


def _wrong_span(start: datetime, end: datetime, at: datetime, noun: str) -> RefusalAnswer | None:
    if end <= start:
        return refused_schedule(f"That {noun} would end before it begins.", command="help oncall")
    if end <= at:
        return refused_schedule(f"That {noun} is over already.", command="help oncall")
    if end - start > LONGEST_OVERRIDE or start - at > LONGEST_OVERRIDE:
        article = "An" if noun == "override" else "A"
        return refused_schedule(f"{article} {noun} lasts a year at most.", command="help oncall")
    return None


def _too_many(rows: list[SavedOverride] | list[SavedShadow], most: int, noun: str) -> RefusalAnswer | None:
    if len(rows) < most:
        return None
    return refused_schedule(f"This schedule already has {most} {noun}: that is the limit.", command="oncall")


def refused_schedule(reason: str, *, command: str) -> RefusalAnswer:
    return RefusalAnswer(reason=f"{reason} {UNCHANGED}", command=command)
