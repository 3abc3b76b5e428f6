"""All outside pagers of this bot: their names, and the carrier of each kind."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from bot.delivery.carrier import Carrier
from bot.delivery.rate_limiter import RateLimiter
from bot.domain.delivery import Receiver, ReceiverKind
from bot.domain.watch import SuspendReason
from bot.pagers.apprise import APPRISE, APPRISE_LIMITS, AppriseChat
from bot.pagers.pagerduty import PAGERDUTY, PAGERDUTY_LIMITS, PagerDutyChat
from bot.pagers.web import WebClient
from bot.pagers.workflow import WORKFLOW, WORKFLOW_LIMITS, WorkflowChat
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
        """One for each kind that has a pager."""
        carriers: dict[ReceiverKind, Carrier] = {}
        never = NoSuspensions()
        if self._events:
            chat = PagerDutyChat(self._events, self._events_url, self._secrets[PAGERDUTY])
            carriers[PAGERDUTY] = Carrier(chat=chat, limiter=RateLimiter(clock, PAGERDUTY_LIMITS), suspender=never)
        if self._hooks:
            workflows = WorkflowChat(self._hooks, self._secrets[WORKFLOW])
            carriers[WORKFLOW] = Carrier(chat=workflows, limiter=RateLimiter(clock, WORKFLOW_LIMITS), suspender=never)
        if self._apprise:
            limiter = RateLimiter(clock, APPRISE_LIMITS)
            carriers[APPRISE] = Carrier(chat=self._apprise, limiter=limiter, suspender=never)
        return carriers


class Closable(Protocol):
    """Owns connections."""

    async def close(self) -> None: ...


class NoSuspensions:
    """Implements `Suspender`: a pager refuses single messages only."""

    async def suspend(self, receiver: Receiver, reason: SuspendReason) -> None:  # noqa: ARG002 (the port's)
        return None
