"""Checks daily that each step of a policy reaches somebody, and weekly that each mention still can be paged."""

from collections.abc import Iterable
from datetime import datetime

from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.permission import UnknownFact
from bot.domain.reach_check import (
    CHECKS,
    ReachCheck,
    ReachProblem,
    are_mentions_due,
    empty_steps,
    is_daily_due,
    lost_mentions,
    mentioned,
)
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from bot.ports.clock import Clock
from bot.ports.people import GroupLookup, PeopleLookup
from bot.requests.owners import owned_watches, owner_problems
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.state.repository import Repository

LOOKED_UP_AT_ONCE = 30
"""Slack allows about 100 such calls a minute."""


class ReachChecks:
    """Runs in the bot that leads. The notices and the time of the check are written in one step: each comes once."""

    def __init__(
        self,
        *,
        repository: Repository,
        changes: SetupChanges,
        people: PeopleLookup,
        groups: GroupLookup,
        clock: Clock,
        operator: ChannelId | None,
    ) -> None:
        self._repository = repository
        self._changes = changes
        self._people = people
        self._groups = groups
        self._clock = clock
        self._operator = operator
        self._is_lost: dict[str, bool] = {}
        """By identity, for the mentions that this weekly check has looked up so far."""

    async def follow(self) -> None:
        """Checks what is due. A long list of mentions takes several calls.

        Raises:
            StoreAway: the next call does the rest.
        """
        now, setup = self._clock.now(), self._changes.setup
        check = setup.get(ReachCheck, CHECKS)
        mentions = mentioned(setup, self._repository.watches.all, now)
        if not is_daily_due(check, now) or not (setup.rows or mentions):
            return
        weekly = are_mentions_due(check, now)
        if weekly and not await self._look_up(mentions):
            return
        lost = {identity for identity, is_lost in self._is_lost.items() if is_lost} if weekly else set(_lost(check))
        await self._write(check, frozenset(lost), weekly=weekly)
        self._is_lost = {}

    async def _look_up(self, mentions: Iterable[Target]) -> bool:
        """True if all are known. False: Slack does not say now, or the next call goes on."""
        calls = 0
        for target in mentions:
            if target.identity in self._is_lost:
                continue
            if calls >= LOOKED_UP_AT_ONCE:
                return False
            calls += 1
            lost = await self._lost_now(target)
            if lost is None:
                return False
            self._is_lost[target.identity] = lost
        return True

    async def _lost_now(self, target: Target) -> bool | None:
        """None: Slack does not say now. Without the scope to ask, nobody counts as lost."""
        if target.kind is TargetKind.USERGROUP:
            is_missing = await self._groups.is_missing(target.id)
            return None if is_missing is UnknownFact.AWAY else is_missing is True
        found = await self._people.member(UserId(target.id))
        return None if found is UnknownFact.AWAY else found is None

    async def _write(self, before: ReachCheck | None, lost: frozenset[str], *, weekly: bool) -> None:
        def make(setup: Setup, at: datetime) -> SetupPlan[None]:
            if setup.get(ReachCheck, CHECKS) != before:
                return SetupPlan(answer=None)  # another bot has done it
            watches = self._repository.watches.all
            problems = empty_steps(setup, watches, self._repository.pager_names, lost)
            problems += tuple(owner_problems(setup, owned_watches(self._repository, setup, watches)))
            problems += lost_mentions(setup, watches, lost, at) if weekly else ()
            mentions_at = at if weekly or before is None else before.mentions_at
            after = ReachCheck(made_at=at, mentions_at=mentions_at, lost=tuple(sorted(lost)))
            messages = tuple(self._messages(problems, at))
            return SetupPlan(answer=None, edits=(SetupEdit(before=before, after=after),), announcements=messages)

        await self._changes.write(make, by=None)

    def _messages(self, problems: Iterable[ReachProblem], at: datetime) -> Iterable[Message]:
        """Each channel hears of what it uses; the operator of what belongs to no channel."""
        lines: dict[ChannelId, list[str]] = {}
        for problem in problems:
            operator = (self._operator,) if self._operator else ()
            for channel in problem.channels or operator:
                lines.setdefault(channel, []).append(f"{problem.where}: {problem.what}")
        for channel, found in lines.items():
            yield Message(
                id=stable_key(self._repository.team, channel, NoticeKind.UNREACHED, at.isoformat()),
                receiver=in_slack(self._repository.team, channel),
                priority=Priority.UPDATE,
                body=Notice(kind=NoticeKind.UNREACHED, at=at, setup=tuple(dict.fromkeys(found))),
                made_at=at,
            )


def _lost(check: ReachCheck | None) -> tuple[str, ...]:
    return check.lost if check else ()
