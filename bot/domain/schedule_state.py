"""What the bot last did for a schedule: people it announced, problems it reported, the group it changed. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from bot.domain.calendar import THE_BOT
from bot.domain.on_call_setup import (
    SavedPolicy,
    SavedSchedule,
    calendar_copy,
    default_policy,
    name_key,
    on_call_in,
    people_of,
)
from bot.domain.schedule_messages import GroupRefusal, ScheduleProblem, ScheduleReport
from bot.domain.setup import Setup, SetupKind, SetupRow
from bot.domain.watch import Target, TargetKind, UserId, Watch

REPORT_EVERY = timedelta(days=1)
GAP_AHEAD = timedelta(days=7)
NEW_CALENDAR_GRACE = timedelta(hours=1)
"""A calendar that could never be read is reported only then: the answer to the command said so already."""
MOST_CHANGES = 200
MOST_NAMELESS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleState(SetupRow):
    """The row is the bot's own, made at `made_at`."""

    kind: ClassVar = SetupKind.SCHEDULE_STATE
    is_setting: ClassVar = False
    made_by: UserId = THE_BOT
    schedule: str
    """The schedule's id."""
    on_call: tuple[UserId, ...]
    """The people whose shift the bot announced last. Empty: nobody."""
    since: datetime
    """When their shift began, or when the bot first saw them on call."""
    missing: tuple[UserId, ...] = ()
    """Those of them whose account is deactivated or gone. The bot asks Slack again after a while."""
    reported: tuple[ScheduleProblem, ...] = ()
    reported_at: datetime | None = None
    group: str = ""
    """The user group that the bot changed last."""
    group_people: tuple[UserId, ...] = ()
    """The members that it then had."""
    group_refusal: GroupRefusal | None = None

    @property
    def id(self) -> str:
        return self.schedule

    @property
    def label(self) -> str:
        return self.schedule

    @property
    def summary(self) -> str:
        return " ".join(self.on_call)

    def must_report(self, report: ScheduleReport | None, at: datetime) -> bool:
        """True for a new kind of problem, and daily for a known one."""
        if report is None:
            return False
        known = set(report.problems) <= set(self.reported)
        return not known or self.reported_at is None or at - self.reported_at >= REPORT_EVERY

    def after_report(self, report: ScheduleReport | None, at: datetime) -> "ScheduleState":
        """The state after people heard of it. Without problems, the next one counts as new."""
        if report is None:
            return replace(self, reported=(), reported_at=None, made_at=at)
        return replace(self, reported=report.problems, reported_at=at, made_at=at)


def report_on(setup: Setup, saved: SavedSchedule, watches: Iterable[Watch], at: datetime) -> ScheduleReport | None:
    """What is wrong with the schedule. None: nothing."""
    copy = calendar_copy(setup, saved)
    state = setup.get(ScheduleState, saved.id)
    stale = copy is not None and copy.is_stale(at)
    if copy and copy.read_at is None and copy.failing_since and at - copy.failing_since < NEW_CALENDAR_GRACE:
        stale = False
    nameless = tuple(start for start in copy.nameless if start >= at)[:MOST_NAMELESS] if copy else ()
    refusal = state.group_refusal if state and saved.group and state.group == saved.group.id else None
    gap = None if stale or not is_paged(setup, saved.id, watches) else next_gap(setup, saved.name, at)
    problems = {
        ScheduleProblem.STALE: stale,
        ScheduleProblem.GAP: gap is not None,
        ScheduleProblem.NAMELESS: bool(nameless) and not (copy and copy.lacks_scope),
        ScheduleProblem.NO_SCOPE: bool(nameless) and copy is not None and copy.lacks_scope,
        ScheduleProblem.MISSING: bool(state and state.missing),
        ScheduleProblem.GROUP: refusal is not None and refusal is not GroupRefusal.AWAY,
    }
    if not any(problems.values()):
        return None
    return ScheduleReport(
        schedule=saved.name,
        problems=tuple(problem for problem, present in problems.items() if present),
        host=saved.calendar.address.host if saved.calendar else "",
        calendar_problem=copy.problem if copy else None,
        copy_at=copy.read_at if copy else None,
        gap_start=gap[0] if gap else None,
        gap_end=gap[1] if gap else None,
        nameless=nameless,
        missing=people_of(setup, saved.name, state.missing) if state else (),
        group=saved.group,
        group_refusal=refusal,
    )


def pageable_on_call(setup: Setup, schedule: str, at: datetime) -> tuple[Target, ...]:
    """The people on call that a page can reach: without those who left the workspace."""
    answer = on_call_in(setup, schedule, at)
    state = setup.get(ScheduleState, name_key(schedule))
    missing = state.missing if state else ()
    return people_of(setup, schedule, (person for person in answer.people if person not in missing)) if answer else ()


def next_gap(setup: Setup, schedule: str, at: datetime) -> tuple[datetime, datetime | None] | None:
    """The first time within a week in which nobody is on call, and its end. None: there is none."""
    moment = at
    for _ in range(MOST_CHANGES):
        answer = on_call_in(setup, schedule, moment, known_at=at)
        if answer is None:
            return None
        if not answer.people:
            return moment, answer.until
        if answer.until is None or answer.until - at > GAP_AHEAD:
            return None
        moment = answer.until
    return None


def is_paged(setup: Setup, schedule: str, watches: Iterable[Watch]) -> bool:
    """True if a policy or a watch pages the people of this schedule."""
    targets = [target for saved in setup.all(SavedPolicy) for target in policy_targets(saved)]
    targets += [target for watch in watches for target in watch.targets]
    return any(_is_schedule(target, schedule) for target in targets)


def pages_schedule(setup: Setup, watch: Watch, schedule: str) -> bool:
    """True if a failure of the watched pipelines pages this schedule, by the watch's targets or a policy."""
    if not watch.targets:
        policy = default_policy(setup, watch.channel)
        saved = setup.get(SavedPolicy, name_key(policy.name)) if policy else None
        return saved is not None and _reaches(setup, policy_targets(saved), schedule)
    return _reaches(setup, watch.targets, schedule)


def _reaches(setup: Setup, targets: Iterable[Target], schedule: str) -> bool:
    """Also through policies that name others."""
    pending, seen = list(targets), set[str]()
    while pending:
        target = pending.pop()
        if _is_schedule(target, schedule):
            return True
        if target.kind is TargetKind.POLICY and (key := name_key(target.id)) not in seen:
            seen.add(key)
            saved = setup.get(SavedPolicy, key)
            pending += policy_targets(saved) if saved else ()
    return False


def policy_targets(saved: SavedPolicy) -> tuple[Target, ...]:
    """The targets of all steps, and of the last resort."""
    steps = (target for step in saved.policy.steps for target in step.targets)
    return (*steps, *saved.policy.last_resort)


def _is_schedule(target: Target, schedule: str) -> bool:
    return target.kind is TargetKind.ON_CALL and name_key(target.id) == schedule
