"""Finds mentions of people who can't be paged any more, and steps of policies that reach nobody. Pure.

A schedule reports its own gaps: see `schedule_state`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar

from bot.domain.calendar import THE_BOT
from bot.domain.on_call_setup import (
    DefaultPolicy,
    SavedOverride,
    SavedPolicy,
    SavedSchedule,
    SavedShadow,
    name_key,
    policy_named,
    target_text,
)
from bot.domain.schedule_state import policy_targets
from bot.domain.setup import Setup, SetupKind, SetupRow
from bot.domain.watch import ChannelId, Target, TargetKind, UserId, Watch

DAILY_AT = time(8)
"""In UTC."""
MENTIONS_EVERY = timedelta(days=7)
CHECKS = "checks"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachCheck(SetupRow):
    """The last checks. The row is the bot's own; `made_at` is the time of the last daily one."""

    kind: ClassVar = SetupKind.REACH_CHECK
    is_setting: ClassVar = False
    made_by: UserId = THE_BOT
    mentions_at: datetime
    """When the bot last looked up all mentions."""
    lost: tuple[str, ...] = ()
    """The identities of the targets that nobody could page then."""

    @property
    def id(self) -> str:
        return CHECKS

    @property
    def label(self) -> str:
        return CHECKS

    @property
    def summary(self) -> str:
        return " ".join(self.lost)


def is_daily_due(check: ReachCheck | None, now: datetime) -> bool:
    """True once a day, at the same hour, so that nobody hears of it at night twice."""
    due = now.replace(hour=DAILY_AT.hour, minute=0, second=0, microsecond=0)
    if due > now:
        due -= timedelta(days=1)
    return check is None or check.made_at < due


def are_mentions_due(check: ReachCheck | None, now: datetime) -> bool:
    """True once a week. An hour early, so that the hour of the daily check does not move."""
    return check is None or now - check.mentions_at >= MENTIONS_EVERY - timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachProblem:
    """A target or a step that reaches nobody."""

    where: str
    """The policy, schedule or watch."""
    what: str
    """What is wrong, as a clause."""
    channels: tuple[ChannelId, ...]
    """The channels that use it. Empty: nobody in particular."""


def mentioned(setup: Setup, watches: Iterable[Watch], at: datetime) -> Mapping[Target, tuple[tuple[str, str], ...]]:
    """Each person and group that the settings name, with the places: a kind and a name, or a watch's id."""
    places: dict[Target, list[tuple[str, str]]] = {}

    def add(targets: Iterable[Target], kind: str, name: str) -> None:
        for target in targets:
            if target.kind in {TargetKind.USER, TargetKind.USERGROUP}:
                places.setdefault(target, []).append((kind, name))

    for saved in setup.all(SavedPolicy):
        add(policy_targets(saved), "policy", saved.policy.name)
    for schedule in setup.all(SavedSchedule):
        add(schedule.people, "schedule", schedule.name)
    timed: tuple[SavedOverride | SavedShadow, ...] = (*setup.all(SavedOverride), *setup.all(SavedShadow))
    for row in timed:
        if row.end > at:
            add((row.person,), "schedule", row.schedule)
    for watch in watches:
        add(watch.targets, "watch", watch.id)
    return {target: tuple(dict.fromkeys(found)) for target, found in places.items()}


def lost_mentions(
    setup: Setup, watches: Collection[Watch], lost: Collection[str], at: datetime
) -> tuple[ReachProblem, ...]:
    """The places that name somebody who can't be paged any more."""
    by_id = {watch.id: watch for watch in watches}
    problems = []
    for target, places in mentioned(setup, watches, at).items():
        if target.identity not in lost:
            continue
        noun = "user group is disabled" if target.kind is TargetKind.USERGROUP else "account is deactivated or gone"
        for kind, name in places:
            watch = by_id.get(name) if kind == "watch" else None
            where = f"watch {watch.label or watch.reference}" if watch else f"{kind} {name}"
            channels = (watch.channel,) if watch else _channels_of(setup, watches, kind, name)
            problems.append(ReachProblem(where=where, what=f"{target_text(target)}: that {noun}", channels=channels))
    return tuple(problems)


def empty_steps(
    setup: Setup, watches: Collection[Watch], pagers: Collection[str], lost: Collection[str]
) -> tuple[ReachProblem, ...]:
    """The steps whose targets are all unknown or lost, and the watches and defaults that name an unknown policy."""
    problems = []
    for where, targets, channels in _called_together(setup, watches):
        if not any(_reaches(target, setup, pagers, lost) for target in targets):
            named = " ".join(map(target_text, targets))
            problems.append(ReachProblem(where=where, what=f"{named} reaches nobody", channels=channels))
    for row in setup.all(DefaultPolicy):
        if policy_named(setup, row.policy) is None:
            channels = (row.channel,) if row.channel else ()
            where = f"default policy of the {row.label}"
            problems.append(ReachProblem(where=where, what=f"there is no policy {row.policy}", channels=channels))
    return tuple(problems)


def _called_together(
    setup: Setup, watches: Iterable[Watch]
) -> Iterator[tuple[str, tuple[Target, ...], tuple[ChannelId, ...]]]:
    """Each step and each watch with targets: its words, its targets, and the channels that use it."""
    for saved in setup.all(SavedPolicy):
        channels = _channels_of(setup, watches, "policy", saved.policy.name)
        for number, step in enumerate(saved.policy.steps, 1):
            yield f"policy {saved.policy.name}, step {number}", step.targets, channels
        if saved.policy.last_resort:
            yield f"policy {saved.policy.name}, the last resort", saved.policy.last_resort, channels
    for watch in watches:
        if watch.targets:
            yield f"watch {watch.label or watch.reference}", watch.targets, (watch.channel,)


def _reaches(target: Target, setup: Setup, pagers: Collection[str], lost: Collection[str]) -> bool:
    match target.kind:
        case TargetKind.PAGER:
            return target.id in pagers
        case TargetKind.ON_CALL:
            return setup.get(SavedSchedule, name_key(target.id)) is not None
        case TargetKind.POLICY:
            return policy_named(setup, target.id) is not None
        case _:
            return target.identity not in lost


def _channels_of(setup: Setup, watches: Iterable[Watch], kind: str, name: str) -> tuple[ChannelId, ...]:
    """The channels whose watches page a policy or schedule, directly or through a policy."""
    key = name_key(name)
    policies = {key} if kind == "policy" else set[str]()
    if kind == "schedule":
        policies = {
            saved.id
            for saved in setup.all(SavedPolicy)
            if any(target.kind is TargetKind.ON_CALL and name_key(target.id) == key for target in policy_targets(saved))
        }
    channels = [row.channel for row in setup.all(DefaultPolicy) if name_key(row.policy) in policies and row.channel]
    for watch in watches:
        for target in watch.targets:
            direct = kind == "schedule" and target.kind is TargetKind.ON_CALL and name_key(target.id) == key
            if direct or (target.kind is TargetKind.POLICY and name_key(target.id) in policies):
                channels.append(watch.channel)
    return tuple(dict.fromkeys(channels))
