"""All outside pagers of this bot: their names, and the carrier of each kind."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from bot.delivery.carrier import Carrier
from bot.delivery.rate_limiter import RateLimiter
from bot.domain.body import Content
from bot.domain.delivery import Delivery, Lookup, LookupResult, Outcome, Receiver, ReceiverKind, Unreadable
from bot.domain.watch import SuspendReason
from bot.pagers.apprise import APPRISE, APPRISE_LIMITS, AppriseChat
from bot.pagers.outcomes import page_refusal
from bot.pagers.pagerduty import PAGERDUTY, PAGERDUTY_LIMITS, PagerDutyChat
from bot.pagers.reports import reported
from bot.pagers.web import WebClient
from bot.pagers.workflow import WORKFLOW, WORKFLOW_LIMITS, WorkflowChat
from bot.ports.chat import Chat
from bot.ports.clock import Clock


class Pagers:
    """Implements `PagerNames`. An async context manager, since it owns connections.

    `secrets`: the key or address of each pager, by its kind and name.

    Raises:
        ProxyError: a proxy variable is not valid.
    """

    def __init__(self, secrets: Mapping[ReceiverKind, Mapping[str, str]], events_url: str) -> None:
        self._secrets = {kind: pagers for kind, pagers in secrets.items() if pagers}
        self._events_url = events_url
        urls = self._secrets.get(WORKFLOW, {})
        self._events = WebClient(events_url) if PAGERDUTY in self._secrets else None
        self._hooks = WebClient(next(iter(urls.values()))) if urls else None
        self._others: list[Closable] = []
        self._apprise = AppriseChat(self._secrets[APPRISE]) if APPRISE in self._secrets else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for client in (self._events, self._hooks, *self._others):
            if client:
                await client.close()

    def close_with(self, client: "Closable") -> None:
        """Closes this one with the others."""
        self._others.append(client)

    @property
    def names(self) -> Sequence[str]:
        return sorted(name for pagers in self._secrets.values() for name in pagers)

    def kind(self, name: str) -> ReceiverKind | None:
        return next((kind for kind, pagers in self._secrets.items() if name in pagers), None)

    def carriers(self, clock: Clock) -> Mapping[ReceiverKind, Carrier]:
        """One for each kind, if any pager is set up. A kind without pagers keeps its messages for a day."""
        if not self._secrets:
            return {}
        chats: dict[ReceiverKind, Chat] = dict.fromkeys(_LIMITS, NoPagers())
        if self._events:
            chats[PAGERDUTY] = PagerDutyChat(self._events, self._events_url, self._secrets[PAGERDUTY])
        if self._hooks:
            chats[WORKFLOW] = WorkflowChat(self._hooks, self._secrets[WORKFLOW])
        if self._apprise:
            chats[APPRISE] = self._apprise
        return {
            kind: Carrier(chat=chat, limiter=RateLimiter(clock, _LIMITS[kind]), suspender=NoSuspensions())
            for kind, chat in chats.items()
        }


_LIMITS = {PAGERDUTY: PAGERDUTY_LIMITS, WORKFLOW: WORKFLOW_LIMITS, APPRISE: APPRISE_LIMITS}


class NoPagers:
    """Implements `Chat` for a kind that the settings no longer have."""

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:  # noqa: ARG002
        return reported(delivery, page_refusal(delivery, "PAGERS has no such pager", now))

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:  # noqa: ARG002
        return await self.post(delivery, content, parent_id=None, now=now)

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        return [Unreadable("PAGERS has no such pager")] * len(lookups)

    async def delete(self, receiver: Receiver, message_id: str) -> bool:  # noqa: ARG002
        return False


class Closable(Protocol):
    """Owns connections."""

    async def close(self) -> None: ...


class NoSuspensions:
    """Implements `Suspender`: a pager refuses single messages only."""

    async def suspend(self, receiver: Receiver, reason: SuspendReason) -> None:  # noqa: ARG002 (the port's)
        return None
