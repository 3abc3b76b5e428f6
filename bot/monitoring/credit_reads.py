"""Reads the account's usage once an hour, and counts the bot's own requests to GoldRush. Runs in the bot that leads."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.credits import CreditsState, with_requests
from bot.monitoring.budget import Budget, Route
from bot.ports.account_usage import AccountUsage
from bot.ports.clock import Clock
from bot.ports.credits_store import CreditsStore
from bot.ports.leadership import LeadershipStatus
from bot.ports.pipeline_api import ApiError, Forbidden
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import UsageUnknown

EVERY = timedelta(hours=1)
RETRY = timedelta(minutes=10)
"""After a failure that may pass. A key that may not read the usage waits the hour."""
SAVE_EVERY = timedelta(minutes=5)


class CreditReads:
    """`run` runs every few seconds. A crash loses the count of at most five minutes."""

    def __init__(
        self, *, api: AccountUsage, store: CreditsStore, budget: Budget, clock: Clock, leadership: LeadershipStatus
    ) -> None:
        self._api = api
        self._store = store
        self._budget = budget
        self._clock = clock
        self._leadership = leadership
        self._epoch: object = None
        """Of the lease under which `_state` was loaded."""
        self._state = CreditsState()
        self._used = 0
        self._due = self._save_due = clock.now()

    async def run(self) -> None:
        """
        Raises:
            StoreAway: the next call goes on.
        """
        await self._take_over()
        now = self._clock.now()
        used = self._budget.figures().used
        self._state = with_requests(self._state, used - self._used, now)
        self._used = used
        if now >= self._due and self._budget.try_take_spare(Route.USAGE):
            await self._read(now)
        elif now < self._save_due:
            return
        if self._leadership.is_leader:
            await self._store.save_credits(self._state)
            self._save_due = now + SAVE_EVERY

    async def _take_over(self) -> None:
        """Goes on from what the leader before has saved."""
        lease = self._leadership.lease
        token = lease and lease.token
        if token is None or token == self._epoch:
            return
        self._state = await self._store.credits()
        self._used = self._budget.figures().used
        self._due = self._save_due = now = self._clock.now()
        if self._state.asked_at and not self._state.problem:
            self._due = min(self._state.asked_at + EVERY, now + EVERY)
        self._epoch = token

    async def _read(self, now: datetime) -> None:
        problem, wait = "", EVERY
        try:
            self._state = replace(self._state, usage=await self._api.usage(now))
        except ApiError as exc:
            self._budget.obey(Route.USAGE, exc)
            problem, wait = exc.plain, EVERY if isinstance(exc, Forbidden) else RETRY
            if problem != self._state.problem:
                emit(UsageUnknown(problem=str(exc)))
        self._state = replace(self._state, asked_at=now, problem=problem)
        self._due = now + wait
