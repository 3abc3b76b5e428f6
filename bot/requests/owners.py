"""Finds the owners of pipelines in Slack by their e-mails, for watches and policies that page `owner`.

An e-mail goes from GoldRush's listing to Slack, and nowhere else: not into a row, a message or a log.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.owners import Owner, operator_pages_owner, owner_problem, watches_paging_owner
from bot.domain.permission import UnknownFact
from bot.domain.reach_check import ReachProblem
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import ChannelId, UserId, Watch
from bot.ports.clock import Clock
from bot.ports.conversations import DirectConversations
from bot.ports.people import PeopleLookup
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.state.repository import Repository

LOOKED_UP_AT_ONCE = 20
"""Slack allows about 50 such calls a minute."""
CHECKED_EVERY = timedelta(days=1)
TRIED_EVERY = timedelta(minutes=15)
"""Somebody may just have joined the workspace, or have granted the scope."""


@dataclass(frozen=True, slots=True)
class OwnedWatch:
    """A watch that pages owners, and the pipelines that it covers."""

    watch: Watch
    pipelines: tuple[Pipeline, ...]


def owned_watches(repository: Repository, setup: Setup, watches: Iterable[Watch]) -> list[OwnedWatch]:
    """Those of the watches that page `owner`, with the pipelines that each one covers."""
    return [
        OwnedWatch(watch, tuple(map(repository.pipeline, sorted(repository.covered_by([watch])))))
        for watch in watches_paging_owner(setup, watches)
    ]


def owner_problems(setup: Setup, watches: Iterable[OwnedWatch]) -> list[ReachProblem]:
    """The watches whose owners reach nobody."""
    found = [(owned.watch, owner_problem(setup, owned.pipelines)) for owned in watches]
    return [
        ReachProblem(where=f"watch {watch.label or watch.reference}", what=what, channels=(watch.channel,))
        for watch, what in found
        if what
    ]


class Owners:
    """Runs in the bot that leads. `emails`: the e-mail of each owner that it has listed, by GoldRush's id."""

    def __init__(
        self,
        *,
        repository: Repository,
        changes: SetupChanges,
        emails: Mapping[str, str],
        people: PeopleLookup,
        conversations: DirectConversations,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._changes = changes
        self._emails = emails
        self._people = people
        self._conversations = conversations
        self._clock = clock
        self._tried_at: dict[str, datetime] = {}

    async def follow(self) -> None:
        """Looks up the owners that are due. Forgets those that no watch needs any more.

        Raises:
            StoreAway, ChatAway: the next call does the rest.
        """
        setup = self._changes.setup
        watches = owned_watches(self._repository, setup, self._repository.watches)
        needed = {pipeline.owner for owned in watches for pipeline in owned.pipelines}
        if operator_pages_owner(setup):
            covered = self._repository.covered_by(self._repository.watches)
            needed |= {self._repository.pipeline(pipeline_id).owner for pipeline_id in covered}
        needed.discard("")
        unused = [row for row in setup.all(Owner) if row.owner not in needed]
        found = [row for owner in self._due(setup, needed) if (row := await self._looked_up(owner))]
        if not (unused or found):
            return

        def make(current: Setup, at: datetime) -> SetupPlan[None]:
            edits = [SetupEdit(before=row) for row in unused if current.get(Owner, row.id) == row]
            edits += [SetupEdit(before=current.get(Owner, row.id), after=row) for row in found]
            new = {row.owner for row in found if row.person is None and self._is_news(current, row)}
            rows = {row.id: row for row in current.all(Owner)} | {row.id: row for row in found}
            affected = [owned for owned in watches if any(pipeline.owner in new for pipeline in owned.pipelines)]
            problems = owner_problems(Setup(tuple(rows.values())), affected)
            messages = tuple(self._notices(problems, at))
            return SetupPlan(answer=None, edits=tuple(edits), announcements=messages)

        await self._changes.write(make, by=None)

    def _due(self, setup: Setup, needed: Iterable[str]) -> list[str]:
        """Also an owner that was just found to be nobody: each quarter of an hour."""
        now, due = self._clock.now(), []
        for owner in sorted(needed):
            row = setup.get(Owner, owner)
            pause = CHECKED_EVERY if row and row.person else TRIED_EVERY
            last = max(filter(None, (row.made_at if row else None, self._tried_at.get(owner))), default=None)
            if owner in self._emails and (last is None or now - last >= pause):
                due.append(owner)
        return due[:LOOKED_UP_AT_ONCE]

    async def _looked_up(self, owner: str) -> Owner | None:
        """None: Slack does not say now, or it says the same as before."""
        now, email = self._clock.now(), self._emails[owner]
        found = await self._people.with_email(email) if "@" in email else None
        if found is UnknownFact.AWAY:
            return None
        self._tried_at[owner] = now
        row = Owner(owner=owner, made_at=now, lacks_scope=found is UnknownFact.NO_SCOPE)
        if found and not isinstance(found, UnknownFact):
            row = replace(row, person=replace(found, direct=await self._conversations.direct(UserId(found.id))))
        before = self._changes.setup.get(Owner, owner)
        return None if before and replace(before, made_at=now) == row else row

    @staticmethod
    def _is_news(setup: Setup, row: Owner) -> bool:
        before = setup.get(Owner, row.id)
        return before is None or before.person is not None

    def _notices(self, problems: Iterable[ReachProblem], at: datetime) -> Iterable[Message]:
        lines: dict[ChannelId, list[str]] = {}
        for problem in problems:
            for channel in problem.channels:
                lines.setdefault(channel, []).append(f"{problem.where}: {problem.what}")
        for channel, texts in lines.items():
            yield Message(
                id=stable_key(self._repository.team, channel, NoticeKind.UNREACHED, "owner", at.isoformat()),
                receiver=in_slack(self._repository.team, channel),
                priority=Priority.UPDATE,
                body=Notice(kind=NoticeKind.UNREACHED, at=at, setup=tuple(dict.fromkeys(texts))),
                made_at=at,
            )
