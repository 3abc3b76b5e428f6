"""The settings about who is paged and when: policies, schedules, overrides, shadows and default policies. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from bot.domain.calendar import CalendarCopy, SavedCalendar
from bot.domain.episode import stable_key
from bot.domain.escalation import Policy
from bot.domain.on_call import Calendar, OnCall, Override, Schedule, on_call
from bot.domain.rotation import Rotation, TurnUnit
from bot.domain.setup import Setup, SetupKind, SetupRow
from bot.domain.wall_clock import DAY_NAMES
from bot.domain.watch import ChannelId, Target, TargetKind, UserId

WORKSPACE = "workspace"
"""The scope of the default policy of all channels that have none."""
OPERATOR = "operator"
"""The scope of the policy that hears about the bot's own trouble, and about pages that nobody answered."""


def name_key(name: str) -> str:
    """Names of policies and schedules differ in more than case."""
    return name.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPolicy(SetupRow):
    """A policy under its name."""

    kind: ClassVar = SetupKind.POLICY
    policy: Policy

    @property
    def id(self) -> str:
        return name_key(self.policy.name)

    @property
    def label(self) -> str:
        return self.policy.name

    @property
    def summary(self) -> str:
        return policy_text(self.policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRotation:
    """A rotation with its people's names. `Rotation` decides; this is its row."""

    people: tuple[Target, ...]
    """In the order of their turns. Each one is a user."""
    every: int
    unit: TurnUnit
    handover: time
    anchor: date
    """The day on which the first person's turn starts."""
    zone: str
    """An IANA name, such as Europe/Berlin."""

    @property
    def rotation(self) -> Rotation:
        return Rotation(
            people=tuple(UserId(person.id) for person in self.people),
            every=self.every,
            unit=self.unit,
            handover=self.handover,
            anchor=self.anchor,
            zone=ZoneInfo(self.zone),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSchedule(SetupRow):
    """A schedule under its name. Its source is a rotation or a calendar."""

    kind: ClassVar = SetupKind.SCHEDULE
    name: str
    rotation: SavedRotation | None = None
    calendar: SavedCalendar | None = None
    posts_in: ChannelId | None = None
    """The channel that hears of handovers and of problems, besides the people themselves."""
    group: Target | None = None
    """The user group that the bot keeps equal to the people on call."""

    @property
    def id(self) -> str:
        return name_key(self.name)

    @property
    def label(self) -> str:
        return self.name

    @property
    def summary(self) -> str:
        if self.calendar:
            return self.calendar.summary
        return rotation_text(self.rotation) if self.rotation else ""

    @property
    def audit_text(self) -> str:
        posts = f"; channel {self.posts_in}" if self.posts_in else ""
        group = f"; group {target_text(self.group)}" if self.group else ""
        return f"{self.summary}{posts}{group}"

    @property
    def source(self) -> SavedRotation | SavedCalendar | None:
        return self.rotation or self.calendar

    @property
    def people(self) -> tuple[Target, ...]:
        """The people in the schedule itself."""
        return self.rotation.people if self.rotation else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedOverride(SetupRow):
    """An override of one schedule."""

    kind: ClassVar = SetupKind.OVERRIDE
    schedule: str
    """Its name."""
    person: Target
    instead_of: Target | None = None
    """None: instead of everyone."""
    start: datetime
    end: datetime
    why: str = ""

    @property
    def id(self) -> str:
        parts = (name_key(self.schedule), self.person.id, self.start.isoformat(), self.made_at.isoformat())
        return stable_key(*parts)[:16]

    @property
    def label(self) -> str:
        return self.schedule

    @property
    def summary(self) -> str:
        instead = f" for {target_text(self.instead_of)}" if self.instead_of else ""
        why = f" because {self.why}" if self.why else ""
        return f"{target_text(self.person)}{instead} {span_text(self.start, self.end)}{why}"

    @property
    def override(self) -> Override:
        return Override(
            person=UserId(self.person.id),
            instead_of=UserId(self.instead_of.id) if self.instead_of else None,
            start=self.start,
            end=self.end,
            why=self.why,
            made_by=self.made_by,
            made_at=self.made_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedShadow(SetupRow):
    """A learner who gets copies of a schedule's direct messages for a time, and never counts as paged."""

    kind: ClassVar = SetupKind.SHADOW
    schedule: str
    """Its name."""
    person: Target
    start: datetime
    end: datetime

    @property
    def id(self) -> str:
        return f"{name_key(self.schedule)}|{self.person.id}"

    @property
    def label(self) -> str:
        return self.schedule

    @property
    def summary(self) -> str:
        return f"{target_text(self.person)} {span_text(self.start, self.end)}"

    def covers(self, at: datetime) -> bool:
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultPolicy(SetupRow):
    """The policy of watches without targets: of one channel, or of the workspace. Or the operator's policy."""

    kind: ClassVar = SetupKind.DEFAULT_POLICY
    scope: str
    """WORKSPACE, OPERATOR, or a channel's id."""
    policy: str
    """Its name."""

    @property
    def id(self) -> str:
        return self.scope

    @property
    def label(self) -> str:
        return self.scope if self.channel is None else "channel"

    @property
    def summary(self) -> str:
        return self.policy

    @property
    def channel(self) -> ChannelId | None:
        return None if self.scope in {WORKSPACE, OPERATOR} else ChannelId(self.scope)


# --- lookups ---------------------------------------------------------------------------------------------------------


def policy_named(setup: Setup, name: str) -> Policy | None:
    """The policy with this name, in any case."""
    saved = setup.get(SavedPolicy, name_key(name))
    return saved.policy if saved else None


def default_policy(setup: Setup, channel: ChannelId) -> Policy | None:
    """The policy of the channel's watches without targets: the channel's own, or the workspace's."""
    found = setup.get(DefaultPolicy, channel) or setup.get(DefaultPolicy, WORKSPACE)
    return policy_named(setup, found.policy) if found else None


def operator_policy(setup: Setup) -> Policy | None:
    """The policy that hears about the bot's own trouble."""
    found = setup.get(DefaultPolicy, OPERATOR)
    return policy_named(setup, found.policy) if found else None


def overrides_of(setup: Setup, schedule: str) -> tuple[SavedOverride, ...]:
    """The overrides of one schedule, also past and future ones."""
    wanted = name_key(schedule)
    return tuple(row for row in setup.all(SavedOverride) if name_key(row.schedule) == wanted)


def shadows_of(setup: Setup, schedule: str) -> tuple[SavedShadow, ...]:
    """The shadows of one schedule, also past and future ones."""
    wanted = name_key(schedule)
    return tuple(row for row in setup.all(SavedShadow) if name_key(row.schedule) == wanted)


def calendar_copy(setup: Setup, saved: SavedSchedule) -> CalendarCopy | None:
    """The last copy of the schedule's calendar. None: it has no calendar, or this one was never read."""
    copy = setup.get(CalendarCopy, saved.id)
    address = saved.calendar.address if saved.calendar else None
    return copy if copy and address and copy.fingerprint == address.fingerprint else None


def schedule_named(setup: Setup, name: str, at: datetime) -> Schedule | None:
    """The schedule with this name, in any case, as known at this moment. None: there is none."""
    saved = setup.get(SavedSchedule, name_key(name))
    if saved is None:
        return None
    if saved.rotation:
        return Schedule(name=saved.name, source=saved.rotation.rotation)
    copy = calendar_copy(setup, saved)
    return Schedule(name=saved.name, source=copy.calendar_at(at) if copy else Calendar(shifts=()))


def on_call_in(setup: Setup, schedule: str, at: datetime, *, known_at: datetime | None = None) -> OnCall | None:
    """Who is on call in this schedule. None: there is no such schedule.

    `known_at`: the time of the question, if it is about a later moment. By then, a calendar will be read again.
    """
    found = schedule_named(setup, schedule, known_at or at)
    return on_call(found, [row.override for row in overrides_of(setup, schedule)], at) if found else None


def people_of(setup: Setup, schedule: str, people: Iterable[UserId]) -> tuple[Target, ...]:
    """These people as targets, with their names and direct conversations as far as the setup knows them."""
    saved = setup.get(SavedSchedule, name_key(schedule))
    copy = calendar_copy(setup, saved) if saved else None
    known = {target.id: target for target in (*(saved.people if saved else ()), *(copy.people if copy else ()))}
    for row in overrides_of(setup, schedule):
        known |= {target.id: target for target in (row.instead_of, row.person) if target}
    return tuple(known.get(person) or Target(kind=TargetKind.USER, id=person) for person in people)


# --- as text ---------------------------------------------------------------------------------------------------------


def target_text(target: Target) -> str:
    """A target as people type it, with the name they saw."""
    if target.kind in {TargetKind.USER, TargetKind.USERGROUP}:
        name = f"@{target.label.lstrip('@') or target.id}"
        return f'"{name}"' if " " in name else name
    return f"{target.kind}:{target.label or target.id}" if target.id else target.kind


def _targets_text(targets: Iterable[Target]) -> str:
    return " ".join(map(target_text, targets))


def policy_text(policy: Policy) -> str:
    """`@Ann wait 5m then oncall:data wait 10m; repeat 2; last here`."""
    steps = " then ".join(f"{_targets_text(step.targets)} wait {duration_text(step.wait)}" for step in policy.steps)
    repeat = f"; repeat {policy.rounds}" if policy.rounds else ""
    last = f"; last {_targets_text(policy.last_resort)}" if policy.last_resort else ""
    return f"{steps}{repeat}{last}"


def rotation_text(rotation: SavedRotation) -> str:
    """`rotate @Ann @Bob every 2 weeks at 09:00 on monday in Europe/Berlin`."""
    unit = "day" if rotation.unit is TurnUnit.DAYS else "week"
    every = f"{rotation.every} {unit}{'' if rotation.every == 1 else 's'}"
    day = f" on {DAY_NAMES[rotation.anchor.weekday()]}" if rotation.unit is TurnUnit.WEEKS else ""
    people = _targets_text(rotation.people)
    return f"rotate {people} every {every} at {rotation.handover:%H:%M}{day} in {rotation.zone}"


def duration_text(duration: timedelta) -> str:
    """`1h30m`: as people type it."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    parts: Sequence[tuple[int, str]] = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0m"


def span_text(start: datetime, end: datetime) -> str:
    """Both moments in UTC."""
    return f"from {start:%Y-%m-%d %H:%M} until {end:%Y-%m-%d %H:%M} UTC"
