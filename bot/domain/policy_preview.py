"""Who a policy would reach now, step by step. Shown before a policy is saved, and when somebody asks for it. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.escalation import Policy
from bot.domain.on_call import OnCall
from bot.domain.on_call_setup import on_call_in, operator_policy, people_of
from bot.domain.setup import Setup
from bot.domain.watch import Target, TargetKind

MOST_POLICIES = 100
MOST_STEPS = 10
MOST_ROUNDS = 9
SHORTEST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(days=1)
DEFAULT_WAIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPreview:
    """One target, and the people that it means now."""

    target: Target
    people: tuple[Target, ...] = ()
    """Of a schedule: the people on call now."""
    on_call: OnCall | None = None
    """Of a schedule. None: of another target, or there is no such schedule."""
    is_configured: bool = True
    """False for a pager that the bot's settings do not name."""

    @property
    def reaches(self) -> bool:
        """False if this target reaches nobody now."""
        return self.is_configured and (self.target.kind is not TargetKind.ON_CALL or bool(self.people))

    @property
    def meant_now(self) -> tuple[Target, ...]:
        """The people on call, or the target itself. Empty if it reaches nobody."""
        if self.target.kind is TargetKind.ON_CALL:
            return self.people
        return (self.target,) if self.reaches else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPreview:
    """One step, and when it comes if nobody answers."""

    after: timedelta
    targets: tuple[TargetPreview, ...]

    @property
    def reaches(self) -> bool:
        """False if this step reaches nobody now. Then a page goes to the next step at once."""
        return any(target.reaches for target in self.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPreview:
    """All steps of one round, and the last resort."""

    policy: Policy
    steps: tuple[StepPreview, ...]
    last_resort: StepPreview | None
    operator: str = ""
    """The name of the policy that a page without an answer goes to in the end. Empty: there is none."""

    @property
    def reaches(self) -> bool:
        """False if no step reaches anybody now."""
        return any(step.reaches for step in self.steps)

    @property
    def repeats(self) -> dict[int, tuple[Target, ...]]:
        """By its number, from 1: each step that now calls only targets of earlier steps."""
        found, called = dict[int, tuple[Target, ...]](), set[str]()
        for number, step in enumerate(self.steps, 1):
            targets = [meant for target in step.targets for meant in target.meant_now]
            if targets and all(target.identity in called for target in targets):
                found[number] = tuple({target.identity: target for target in targets}.values())
            called |= {target.identity for target in targets}
        return found


def target_preview(target: Target, setup: Setup, at: datetime, pagers: Collection[str]) -> TargetPreview:
    """The target with the people that it means at this moment. `pagers`: the configured ones."""
    if target.kind is TargetKind.PAGER:
        return TargetPreview(target=target, is_configured=target.id in pagers)
    if target.kind is not TargetKind.ON_CALL:
        return TargetPreview(target=target)
    found = on_call_in(setup, target.id, at)
    people = people_of(setup, target.id, found.people) if found else ()
    return TargetPreview(target=target, people=people, on_call=found)


def policy_preview(policy: Policy, setup: Setup, at: datetime, pagers: Collection[str]) -> PolicyPreview:
    """A step that reaches nobody takes no time: its wait does not count."""
    after, steps = timedelta(), list[StepPreview]()
    for step in policy.steps:
        targets = tuple(target_preview(target, setup, at, pagers) for target in step.targets)
        steps.append(StepPreview(after=after, targets=targets))
        if steps[-1].reaches:
            after += step.wait
    last = tuple(target_preview(target, setup, at, pagers) for target in policy.last_resort)
    return PolicyPreview(
        policy=policy,
        steps=tuple(steps),
        last_resort=StepPreview(after=after * (policy.rounds + 1), targets=last) if last else None,
        operator=operator.name if (operator := operator_policy(setup)) else "",
    )


def policy_problem(policy: Policy) -> str:
    """Why this policy can't be saved, as a sentence; empty if it can."""
    targets = [target for step in policy.steps for target in step.targets] + list(policy.last_resort)
    if not policy.steps or not all(step.targets for step in policy.steps):
        return "Each step needs someone to page."
    if len(policy.steps) > MOST_STEPS:
        return f"A policy has {MOST_STEPS} steps at most, and this one has {len(policy.steps)}."
    if not all(SHORTEST_WAIT <= step.wait <= LONGEST_WAIT for step in policy.steps):
        return "A step waits for 1 minute to 1 day."
    if not 0 <= policy.rounds <= MOST_ROUNDS:
        return f"A policy repeats {MOST_ROUNDS} times at most."
    if any(target.kind is TargetKind.POLICY for target in targets):
        return "A policy can't contain another policy."
    return ""
