"""Tells the operator of the account's credits: weekly, and once when they are about to run out."""

from datetime import datetime, timedelta

from bot.domain.credits import CreditsState, is_low, outlook
from bot.domain.credits_report import REPORT, CreditsReport, is_weekly_due
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import ChannelId
from bot.ports.clock import Clock
from bot.ports.credits_store import CreditsStore
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.state.repository import Repository

FRESH = timedelta(hours=6)
"""An older usage is no reason for a notice."""


class CreditNotices:
    """Runs in the bot that leads. A notice and the row that remembers it are written in one step: each comes once."""

    def __init__(
        self,
        *,
        repository: Repository,
        changes: SetupChanges,
        store: CreditsStore,
        clock: Clock,
        operator: ChannelId | None,
    ) -> None:
        self._repository = repository
        self._changes = changes
        self._store = store
        self._clock = clock
        self._operator = operator

    async def follow(self) -> None:
        """
        Raises:
            StoreAway: the next call does it.
        """
        if not self._operator:
            return
        state = await self._store.credits()
        if state.usage is None or self._clock.now() - state.usage.at > FRESH:
            return
        before = self._changes.setup.get(CreditsReport, REPORT)
        low = is_low(outlook(state.usage), was_low=bool(before and before.low))
        if before is None or low != before.low or is_weekly_due(before, self._clock.now()):
            await self._write(before, state, low=low)

    async def _write(self, before: CreditsReport | None, state: CreditsState, *, low: bool) -> None:
        def make(setup: Setup, at: datetime) -> SetupPlan[None]:
            if setup.get(CreditsReport, REPORT) != before:
                return SetupPlan(answer=None)  # another bot has done it
            weekly = before is not None and is_weekly_due(before, at)
            weekly_at = at if weekly or before is None else before.weekly_at
            after = CreditsReport(made_at=at, weekly_at=weekly_at, low=low)
            messages: tuple[Message, ...] = ()
            if low and not (before and before.low):
                messages = (self._message(NoticeKind.CREDITS_LOW, state, at),)
            elif weekly:
                messages = (self._message(NoticeKind.CREDITS, state, at),)
            return SetupPlan(answer=None, edits=(SetupEdit(before=before, after=after),), announcements=messages)

        await self._changes.write(make, by=None)

    def _message(self, kind: NoticeKind, state: CreditsState, at: datetime) -> Message:
        channel = self._operator or ChannelId("")
        return Message(
            id=stable_key(self._repository.team, channel, kind, at.isoformat()),
            receiver=in_slack(self._repository.team, channel),
            priority=Priority.FAILURE if kind is NoticeKind.CREDITS_LOW else Priority.UPDATE,
            body=Notice(kind=kind, at=at, credits=state),
            made_at=at,
        )
