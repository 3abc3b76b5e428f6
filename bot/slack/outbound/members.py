"""Asks Slack who the people of a calendar are, by e-mail or id, and keeps the answers for a while.

No e-mail leaves this file: neither in a record nor in an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.permission import Account, UnknownFact
from bot.domain.watch import Target, TargetKind, TeamId, UserId
from bot.ports.clock import Clock
from bot.slack.outbound.calls import SlackAnswer, SlackClient, call
from bot.slack.outbound.facts import account_of, name_of
from bot.slack.outbound.outcomes import retry_after

KEPT_SECONDS = 3600.0
NONE_KEPT_SECONDS = 600.0  # somebody may just have joined the workspace, or have granted the scope
MOST_KEPT = 2000
_PAGED = frozenset({Account.FULL_MEMBER, Account.GUEST})
_NOBODY = frozenset({"users_not_found", "user_not_found", "user_not_visible"})


@dataclass(frozen=True, slots=True)
class _KeptAnswer:
    person: Target | UnknownFact | None
    until: float


class Members:
    """Implements `PeopleLookup`."""

    def __init__(self, client: SlackClient, clock: Clock, home: TeamId) -> None:
        self._client = client
        self._clock = clock
        self._home = home
        self._answers: dict[str, _KeptAnswer] = {}
        self._held_until: dict[str, float] = {}
        """Until when not to call a method: Slack's rate limit."""

    async def with_email(self, email: str) -> Target | UnknownFact | None:
        """Source: https://docs.slack.dev/reference/methods/users.lookupByEmail (Tier 3)."""
        return await self._found("users.lookupByEmail", email.lower(), email=email)

    async def member(self, user: UserId) -> Target | UnknownFact | None:
        return await self._found("users.info", user, user=user)

    async def _found(self, method: str, key: str, **arguments: str) -> Target | UnknownFact | None:
        now = self._clock.monotonic()
        kept_answer = self._answers.get(key)
        if kept_answer and kept_answer.until > now:
            return kept_answer.person
        if self._held_until.get(method, 0.0) > now:
            return UnknownFact.AWAY
        answer = await call(self._client, method, **arguments)
        if answer.status == 429:
            self._held_until[method] = self._clock.monotonic() + retry_after(answer.headers).total_seconds()
        person = self._person_in(answer)
        if person is not UnknownFact.AWAY:
            seconds = NONE_KEPT_SECONDS if person is None or isinstance(person, UnknownFact) else KEPT_SECONDS
            if len(self._answers) >= MOST_KEPT:
                self._answers.clear()
            self._answers[key] = _KeptAnswer(person, self._clock.monotonic() + seconds)
        return person

    def _person_in(self, answer: SlackAnswer) -> Target | UnknownFact | None:
        row = answer.body.get("user")
        if answer.ok and isinstance(row, Mapping):
            person = Target(kind=TargetKind.USER, id=str(row.get("id")), label=name_of(row))
            return person if account_of(row, self._home) in _PAGED else None
        if answer.error in _NOBODY:
            return None
        return UnknownFact.NO_SCOPE if answer.error == "missing_scope" else UnknownFact.AWAY
