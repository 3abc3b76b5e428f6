"""Shows and changes policies and default policies. Answers are values; `slack` renders them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from enum import Enum

from bot.domain.answer import RefusalAnswer
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.escalation import Policy
from bot.domain.notice import Notice, NoticeKind
from bot.domain.on_call_setup import (
    OPERATOR,
    WORKSPACE,
    DefaultPolicy,
    SavedPolicy,
    SavedSchedule,
    name_key,
    policy_named,
)
from bot.domain.policy_preview import MOST_POLICIES, PolicyPreview, policy_preview, policy_problem
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.setup_names import name_problem
from bot.domain.watch import ChannelId, Target, TargetKind, UserId, Watch
from bot.ports.clock import Clock
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.state.repository import Repository


class PolicyFate(Enum):
    """What became of a policy or default policy."""

    SHOWN = "shown"
    WOULD_SAVE = "would save"
    OVERTAKEN = "overtaken"
    """Not saved: somebody changed or removed the same after the person saw the effect."""
    SAVED = "saved"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    USED = "used"
    """Not removed: a watch or a default uses it."""


NAMES_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAnswer:
    """One policy: who it would reach now, and what uses it."""

    fate: PolicyFate
    saved: SavedPolicy | None = None
    """As stored before this request. None: it is new."""
    preview: PolicyPreview
    watches: tuple[Watch, ...] = ()
    """The watches that name it."""
    defaults: tuple[DefaultPolicy, ...] = ()
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesAnswer:
    """All policies, and the defaults that hold in one channel."""

    previews: tuple[PolicyPreview, ...]
    channel: DefaultPolicy | None
    workspace: DefaultPolicy | None
    operator: DefaultPolicy | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultPolicyAnswer:
    """A default policy before and after. `after` None: there is none."""

    scope: str
    saved: DefaultPolicy | None
    """As stored before this request. None: there was none."""
    after: str | None
    preview: PolicyPreview | None
    """Of the policy that holds from now on."""
    fate: PolicyFate
    at: datetime


@dataclass(frozen=True, slots=True)
class UnknownName:
    """No policy or schedule has this name."""

    name: str
    nearest: str = ""
    known: tuple[str, ...] = ()
    """The names that exist."""


class Policies:
    """The policies of the workspace. Everyone who may change watches may change them."""

    def __init__(self, *, repository: Repository, changes: SetupChanges, clock: Clock) -> None:
        self._repository = repository
        self._changes = changes
        self._clock = clock

    def unknown(self, name: str) -> UnknownName:
        """The nearest name, and all names."""
        return _unknown(self._changes.setup, name)

    def all(self, channel: ChannelId) -> PoliciesAnswer:
        setup, at = self._changes.setup, self._clock.now()
        return PoliciesAnswer(
            previews=tuple(self._preview(saved.policy, setup, at) for saved in setup.all(SavedPolicy)),
            channel=setup.get(DefaultPolicy, channel),
            workspace=setup.get(DefaultPolicy, WORKSPACE),
            operator=setup.get(DefaultPolicy, OPERATOR),
            at=at,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all policies."""
        return tuple(sorted((saved.policy.name for saved in self._changes.setup.all(SavedPolicy)), key=name_key))

    @property
    def pagers(self) -> tuple[str, ...]:
        """The names of the configured pagers."""
        return tuple(sorted(self._repository.pager_names))

    def show(self, name: str) -> PolicyAnswer | UnknownName:
        setup = self._changes.setup
        saved = setup.get(SavedPolicy, name_key(name))
        return self._answer(saved.policy, setup, PolicyFate.SHOWN) if saved else _unknown(setup, name)

    def preview(self, policy: Policy, *, existed: bool = False) -> PolicyAnswer | RefusalAnswer:
        """What saving this policy would change. Changes nothing. `existed`: see `save`."""
        setup, at = self._changes.setup, self._clock.now()
        if refusal := _refusal(policy, setup, self.pagers):
            return refusal
        saved = setup.get(SavedPolicy, name_key(policy.name))
        fate = PolicyFate.UNCHANGED if saved and saved.policy == policy else PolicyFate.WOULD_SAVE
        return self._answer(policy, setup, PolicyFate.OVERTAKEN if existed and saved is None else fate, at)

    async def save(
        self, policy: Policy, *, by: UserId, by_name: str, asked_at: datetime | None, existed: bool = False
    ) -> PolicyAnswer | RefusalAnswer:
        """Creates or replaces the policy, unless it changed after `asked_at`. Pages that run keep the old one.

        `existed`: the person began to change a saved policy. If somebody removed it since, nothing is saved.
        """

        def make(setup: Setup, at: datetime) -> SetupPlan[PolicyAnswer | RefusalAnswer]:
            if refusal := _refusal(policy, setup, self.pagers):
                return SetupPlan(answer=refusal)
            before = setup.get(SavedPolicy, name_key(policy.name))
            if before and before.policy == policy:
                return SetupPlan(answer=self._answer(policy, setup, PolicyFate.UNCHANGED, at))
            if before.is_newer_than(asked_at) if before else existed:
                return SetupPlan(answer=self._answer(policy, setup, PolicyFate.OVERTAKEN, at))
            after = SavedPolicy(policy=policy, made_by=by, made_by_name=by_name, made_at=at)
            answer = self._answer(policy, setup, PolicyFate.SAVED, at)
            return SetupPlan(answer=answer, edits=(SetupEdit(before=before, after=after),))

        return await self._changes.write(make, by=by, by_name=by_name)

    async def remove(self, name: str, *, by: UserId, by_name: str) -> PolicyAnswer | UnknownName:
        """Removes the policy, unless a watch or a default uses it."""

        def make(setup: Setup, at: datetime) -> SetupPlan[PolicyAnswer | UnknownName]:
            saved = setup.get(SavedPolicy, name_key(name))
            if saved is None:
                return SetupPlan(answer=_unknown(setup, name))
            answer = self._answer(saved.policy, setup, PolicyFate.REMOVED, at)
            if answer.watches or answer.defaults:
                return SetupPlan(answer=self._answer(saved.policy, setup, PolicyFate.USED, at))
            return SetupPlan(answer=answer, edits=(SetupEdit(before=saved),))

        return await self._changes.write(make, by=by, by_name=by_name)

    def _announcement(self, answer: DefaultPolicyAnswer, by: UserId, by_name: str) -> tuple[Message, ...]:
        """In the channel whose default policy changes. In direct messages, the answer is enough."""
        channel = answer.scope
        if channel in {WORKSPACE, OPERATOR} or channel.startswith("D"):
            return ()
        notice = Notice(
            kind=NoticeKind.DEFAULT_POLICY,
            at=answer.at,
            by=by,
            by_name=by_name,
            setup=(answer.after or "", answer.saved.policy if answer.saved else ""),
        )
        return (
            Message(
                id=stable_key(self._repository.team, channel, notice.kind, *notice.setup, answer.at.isoformat()),
                receiver=in_slack(self._repository.team, ChannelId(channel)),
                priority=Priority.UPDATE,
                body=notice,
                made_at=answer.at,
            ),
        )

    def missing(self, targets: Iterable[Target]) -> RefusalAnswer | None:
        """The refusal if one of these targets is a policy, schedule or pager that does not exist."""
        return _missing(targets, self._changes.setup, self.pagers)

    async def set_default(
        self,
        scope: str,
        name: str | None,
        *,
        by: UserId,
        by_name: str,
        confirmed: bool,
        asked_at: datetime | None,
        existed: bool = False,
    ) -> DefaultPolicyAnswer | UnknownName:
        """Sets the default policy of a channel, the workspace or the operator. `name` None: removes it.

        `confirmed` False: returns what would change, and changes nothing. A default changed after `asked_at` stays.
        `existed`: there was a default when the person asked.
        """

        def make(setup: Setup, at: datetime) -> SetupPlan[DefaultPolicyAnswer | UnknownName]:
            saved = setup.get(SavedPolicy, name_key(name)) if name else None
            if name and saved is None:
                return SetupPlan(answer=_unknown(setup, name))
            before = setup.get(DefaultPolicy, scope)
            after = _default(scope, saved.policy.name, by, by_name, at) if saved else None
            fate = _default_fate(before, after, asked_at, confirmed=confirmed, existed=existed)
            holding = after or (setup.get(DefaultPolicy, WORKSPACE) if scope not in {WORKSPACE, OPERATOR} else None)
            held = setup.get(SavedPolicy, name_key(holding.policy)) if holding else None
            answer = DefaultPolicyAnswer(
                scope=scope,
                saved=before,
                after=after.policy if after else None,
                preview=self._preview(held.policy, setup, at) if held else None,
                fate=fate,
                at=at,
            )
            if fate is not PolicyFate.SAVED:
                return SetupPlan(answer=answer)
            edit = SetupEdit(before=before, after=after)
            return SetupPlan(answer=answer, edits=(edit,), announcements=self._announcement(answer, by, by_name))

        return await self._changes.write(make, by=by, by_name=by_name)

    def _preview(self, policy: Policy, setup: Setup, at: datetime) -> PolicyPreview:
        return policy_preview(policy, setup, at, self._repository.pager_names)

    def _answer(self, policy: Policy, setup: Setup, fate: PolicyFate, at: datetime | None = None) -> PolicyAnswer:
        at, key = at or self._clock.now(), name_key(policy.name)
        return PolicyAnswer(
            fate=fate,
            saved=setup.get(SavedPolicy, key),
            preview=self._preview(policy, setup, at),
            watches=self._watches_with(lambda target: target.kind is TargetKind.POLICY and target.id == key),
            defaults=tuple(row for row in setup.all(DefaultPolicy) if name_key(row.policy) == key),
            at=at,
        )

    def _watches_with(self, wanted: Callable[[Target], bool]) -> tuple[Watch, ...]:
        return tuple(
            self._repository.named(watch) for watch in self._repository.watches.all if any(map(wanted, watch.targets))
        )


def _default_fate(
    before: DefaultPolicy | None,
    after: DefaultPolicy | None,
    asked_at: datetime | None,
    *,
    confirmed: bool,
    existed: bool,
) -> PolicyFate:
    if (before.policy if before else None) == (after.policy if after else None):
        return PolicyFate.UNCHANGED
    if not confirmed:
        return PolicyFate.WOULD_SAVE
    overtaken = before.is_newer_than(asked_at) if before else existed
    return PolicyFate.OVERTAKEN if overtaken else PolicyFate.SAVED


def _default(scope: str, name: str, by: UserId, by_name: str, at: datetime) -> DefaultPolicy:
    return DefaultPolicy(scope=scope, policy=name, made_by=by, made_by_name=by_name, made_at=at)


def _refusal(policy: Policy, setup: Setup, pagers: Sequence[str]) -> RefusalAnswer | None:
    """Why the policy can't be saved: a limit, or a schedule or pager that does not exist."""
    if problem := policy_problem(policy):
        return RefusalAnswer(reason=f"{problem} Nothing was changed.", command="help policy")
    if setup.get(SavedPolicy, name_key(policy.name)) is None and len(setup.all(SavedPolicy)) >= MOST_POLICIES:
        return RefusalAnswer(
            reason=f"There are already {MOST_POLICIES} policies: that is the limit. Nothing was changed.",
            command="policy",
        )
    targets = [target for step in policy.steps for target in step.targets] + list(policy.last_resort)
    return _missing(targets, setup, pagers)


def _missing(targets: Iterable[Target], setup: Setup, pagers: Sequence[str]) -> RefusalAnswer | None:
    for target in targets:
        if target.kind is TargetKind.ON_CALL and setup.get(SavedSchedule, name_key(target.id)) is None:
            return missing_schedule(setup, target.label or target.id)
        if target.kind is TargetKind.POLICY and policy_named(setup, target.id) is None:
            return unknown_policy(_unknown(setup, target.label or target.id))
        if target.kind is TargetKind.PAGER and target.id not in pagers:
            return _unknown_pager(target.label or target.id, pagers)
    return None


def _unknown_pager(name: str, pagers: Sequence[str]) -> RefusalAnswer:
    """The refusal of a pager that the settings lack, with those that they name."""
    reason = f"There is no pager called *{name}*."
    if nearest := nearest_name(name, list(pagers)):
        reason, hint = f"{reason} Did you mean *{nearest}*?", f"Type `pager:{nearest}`."
    elif pagers:
        reason, hint = f"{reason} {there_are(pagers)}", f"Type `pager:{pagers[0]}`, for example."
    else:
        reason, hint = f"{reason} I know no pagers.", "The person who runs this bot adds them with the setting PAGERS."
    return RefusalAnswer(reason=f"{reason} Nothing was changed.", hint=hint)


def unknown_policy(answer: UnknownName) -> RefusalAnswer:
    """The refusal of a policy that does not exist, with those that do."""
    there = f" {there_are(answer.known)}" if answer.known else " There is no policy yet."
    guess = f" Did you mean *{answer.nearest}*?" if answer.nearest else there
    return RefusalAnswer(
        reason=f"There is no policy called *{answer.name}*.{guess} Nothing was changed.",
        command=f"policy {answer.nearest}" if answer.nearest else "policy",
        unknown=answer.name,
        nearest=answer.nearest,
    )


def missing_schedule(setup: Setup, name: str) -> RefusalAnswer:
    """The refusal of a schedule that does not exist, with those that do."""
    if problem := name_problem(name):
        reason = f"That can't be the name of a schedule: {problem}. Nothing was changed."
        return RefusalAnswer(reason=reason, command="oncall")
    names = sorted((row.name for row in setup.all(SavedSchedule)), key=name_key)
    nearest = nearest_name(name, names)
    reason = f"There is no schedule called *{name}*."
    if nearest:
        return RefusalAnswer(
            reason=f"{reason} Did you mean *{nearest}*? Nothing was changed.",
            command=f"oncall {nearest}",
            unknown=name,
            nearest=nearest,
        )
    there = f" {there_are(names)}" if names else " There is no schedule yet."
    creating = f"schedule {name} = rotate @ann @bob every 1 week at 09:00 on monday"
    return RefusalAnswer(reason=f"{reason}{there} Nothing was changed. To create it:", command=creating)


def there_are(names: Sequence[str]) -> str:
    """`There is *data*.`, `There are *data* and *web*.`, `There are *a*, *b* and 7 more.`"""
    shown = [f"*{name}*" for name in names[:NAMES_LISTED]]
    if len(names) > NAMES_LISTED:
        shown.append(f"{len(names) - NAMES_LISTED:,} more")
    if len(shown) == 1:
        return f"There is {shown[0]}."
    return f"There are {', '.join(shown[:-1])} and {shown[-1]}."


def _unknown(setup: Setup, name: str) -> UnknownName:
    names = sorted((row.policy.name for row in setup.all(SavedPolicy)), key=name_key)
    return UnknownName(name, nearest_name(name, names), tuple(names))


def nearest_name(name: str, names: list[str]) -> str:
    """The most similar of these names. Empty if none is similar."""
    by_key = {name_key(other): other for other in names}
    found = get_close_matches(name_key(name), by_key, n=1, cutoff=0.6)
    return by_key[found[0]] if found else ""
