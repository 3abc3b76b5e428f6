"""The target `owner`: the person who made a pipeline, as Slack knows them. Pure.

GoldRush names an owner by an id and an e-mail. The bot keeps the id, and the person that Slack has for the e-mail.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import ClassVar

from bot.domain.calendar import THE_BOT
from bot.domain.catalogue import Pipeline
from bot.domain.on_call_setup import SavedPolicy, default_policy, name_key, operator_policy
from bot.domain.schedule_state import policy_targets
from bot.domain.setup import Setup, SetupKind, SetupRow
from bot.domain.watch import Target, TargetKind, UserId, Watch

NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner(SetupRow):
    """One owner, as looked up in Slack. The row is the bot's own."""

    kind: ClassVar = SetupKind.OWNER
    is_setting: ClassVar = False
    made_by: UserId = THE_BOT
    owner: str
    """GoldRush's id of the person."""
    person: Target | None = None
    """None: Slack has nobody with this e-mail who can be paged."""
    lacks_scope: bool = False
    """The bot may not look up e-mails."""

    @property
    def id(self) -> str:
        return self.owner

    @property
    def label(self) -> str:
        return self.owner

    @property
    def summary(self) -> str:
        return self.person.id if self.person else ""


def owner_of(setup: Setup, pipeline: Pipeline) -> tuple[Target, ...]:
    """The pipeline's owner. Empty: unknown."""
    row = setup.get(Owner, pipeline.owner)
    return (row.person,) if row and row.person else ()


def watches_paging_owner(setup: Setup, watches: Iterable[Watch]) -> list[Watch]:
    """The watches whose pages can name the owner: by their targets, or by a policy."""
    policies = _policies_with_owner(setup)
    found = [watch for watch in watches if _names_owner(watch.targets) or _pages_one_of(policies, setup, watch)]
    return sorted(found, key=lambda watch: watch.id)


def operator_pages_owner(setup: Setup) -> bool:
    """True if a page that nobody answered goes to the owner."""
    operator = operator_policy(setup)
    return operator is not None and name_key(operator.name) in _policies_with_owner(setup)


def _policies_with_owner(setup: Setup) -> set[str]:
    return {saved.id for saved in setup.all(SavedPolicy) if _names_owner(policy_targets(saved))}


def _names_owner(targets: Iterable[Target]) -> bool:
    return any(target.kind is TargetKind.OWNER for target in targets)


def _pages_one_of(policies: Collection[str], setup: Setup, watch: Watch) -> bool:
    if not policies:
        return False
    default = None if watch.targets else default_policy(setup, watch.channel)
    named = {name_key(target.id) for target in watch.targets if target.kind is TargetKind.POLICY}
    return any(name in policies for name in named | ({name_key(default.name)} if default else set()))


def has_unknown_owner(setup: Setup, pipelines: Iterable[Pipeline]) -> bool:
    """True if an owner is still to be looked up."""
    return any(pipeline.owner and setup.get(Owner, pipeline.owner) is None for pipeline in pipelines)


def owner_problem(setup: Setup, pipelines: Iterable[Pipeline]) -> str:
    """The problem with the owners of these pipelines, as a clause. Empty: nothing, as far as known.

    An owner without a row will be looked up within a minute.
    """
    known = {row.owner: row for row in setup.all(Owner)}
    lost = [
        pipeline
        for pipeline in pipelines
        if not pipeline.owner or (pipeline.owner in known and known[pipeline.owner].person is None)
    ]
    if not lost:
        return ""
    if any(pipeline.owner in known and known[pipeline.owner].lacks_scope for pipeline in lost):
        return "owner reaches nobody: I need the scope users:read.email to find people by e-mail"
    names = sorted(pipeline.name for pipeline in lost)
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return f"owner reaches nobody for {', '.join(names[:NAMES_SHOWN])}{more}: nobody here has the e-mail of its maker"
