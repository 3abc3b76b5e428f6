"""Keeps user groups equal to the people on call, for the schedules that name one."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from bot.domain.on_call_setup import SavedSchedule, on_call_in
from bot.domain.schedule_messages import GroupRefusal
from bot.domain.schedule_state import ScheduleState
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import UserId
from bot.ports.clock import Clock
from bot.ports.people import UserGroups
from bot.ports.telemetry import emit
from bot.ports.telemetry.requests import UserGroupNotUpdated
from bot.requests.setup_changes import SetupChanges, SetupPlan

CHECKED_SECONDS = 3600.0  # somebody may have changed the group by hand, or have allowed the bot to
AWAY_SECONDS = 60.0


class GroupMembers:
    """`follow` runs in the bot that leads. While nobody is on call, a group keeps its members: none can be empty."""

    def __init__(self, *, changes: SetupChanges, groups: UserGroups, clock: Clock) -> None:
        self._changes = changes
        self._groups = groups
        self._clock = clock
        self._next_check: dict[str, float] = {}
        """By schedule: when to compare the group again, although the people on call are the same (monotonic)."""

    async def follow(self) -> None:
        """Changes the groups whose people are no longer those on call.

        Raises:
            StoreAway: a part is done. The next call does the rest.
        """
        setup = self._changes.setup
        for saved in setup.all(SavedSchedule):
            state = setup.get(ScheduleState, saved.id)
            answer = on_call_in(setup, saved.name, self._clock.now())
            if saved.group and state and answer:
                wanted = tuple(sorted(person for person in answer.people if person not in state.missing))
                if wanted:
                    await self._follow(saved, saved.group.id, state, wanted)

    async def _follow(self, saved: SavedSchedule, group: str, state: ScheduleState, wanted: tuple[UserId, ...]) -> None:
        known = state.group == group and state.group_people == wanted
        if known and self._clock.monotonic() < self._next_check.get(saved.id, 0.0):
            return
        refusal = await self.make_equal(group, wanted)
        away = refusal is GroupRefusal.AWAY
        self._next_check[saved.id] = self._clock.monotonic() + (AWAY_SECONDS if away else CHECKED_SECONDS)
        if refusal:
            emit(UserGroupNotUpdated(schedule=saved.name, problem=refusal.value))
        after = replace(state, group=group, group_people=wanted, group_refusal=refusal)
        if after == state:
            return

        def make(current: Setup, at: datetime) -> SetupPlan[None]:
            latest = current.get(ScheduleState, saved.id)
            if latest is None:
                return SetupPlan(answer=None)
            changed = replace(latest, group=group, group_people=wanted, group_refusal=refusal, made_at=at)
            return SetupPlan(answer=None, edits=(SetupEdit(before=latest, after=changed),))

        await self._changes.write(make, by=None)

    async def make_equal(self, group: str, people: Collection[UserId]) -> GroupRefusal | None:
        """Makes these people the group, unless they are it already. None: done."""
        members = await self._groups.members(group)
        if members == frozenset(people):
            return None
        return await self._groups.set_members(group, people)
