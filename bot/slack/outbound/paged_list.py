"""One of Slack's lists, read page by page. If Slack stops a read midway, the next one continues at the cursor."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bot.domain.permission import UnknownFact
from bot.ports.clock import Clock
from bot.slack.outbound.calls import SlackAnswer, SlackClient
from bot.slack.outbound.list_items import ListItem, items_in, next_cursor
from bot.slack.outbound.outcomes import retry_after
from bot.slack.outbound.pagination import read_pages

PAGE = 1000  # the most that users.list and conversations.list give; both are Tier 2
ONE_READ_SECONDS = 3.0  # a person is waiting; `read_on` reads the rest


class Named(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """`gap` says why rows may be missing. None if the list is complete."""

    rows: tuple[T, ...]
    gap: UnknownFact | None = None


class PagedList(Generic[T]):
    """`keep` reduces a row to the needed parts, or to None. Full rows of a large workspace would fill the memory.

    `narrower` are the arguments to use if a scope for `arguments` is missing.
    """

    def __init__(
        self,
        client: SlackClient,
        clock: Clock,
        method: str,
        member: str,
        keep: Callable[[ListItem], T | None],
        *,
        arguments: Mapping[str, object] | None = None,
        narrower: Mapping[str, object] | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._method = method
        self._member = member
        self._keep = keep
        self._arguments = dict(arguments or {})
        self._narrower = narrower
        self._narrowed = False
        """True if this read uses `narrower`. The next one tries `arguments` again: someone may grant the scope."""
        self._whole: tuple[T, ...] = ()
        self._whole_gap: UnknownFact | None = None
        self._whole_at = float("-inf")
        self._part: list[T] = []
        self._cursor: str | None = None
        self._begun = False
        self._held_until = float("-inf")
        self._reading = asyncio.Lock()

    async def rows(self, *, older_than: float) -> Rows[T]:
        """All rows. Reads the list again if the last complete one is older than `older_than` seconds.

        A partial read adds its rows to the last complete list, because names rarely disappear.
        """
        async with self._reading:
            if self._clock.monotonic() - self._whole_at < older_than:
                return Rows(self._whole, self._whole_gap)
            gap = await self._go_on()
            if gap is None:
                return Rows(self._whole, self._whole_gap)
            known = {row.id: row for row in (*self._whole, *self._part)}
            return Rows(tuple(known.values()), gap)

    async def read_on(self) -> None:
        """Continues an unfinished read. Runs every few seconds, so that a later lookup finds the rows."""
        async with self._reading:
            if self._begun:
                await self._go_on()

    async def _go_on(self) -> UnknownFact | None:
        """Reads until the end or the deadline. Returns why it stopped early; None at the end."""
        self._begun = True
        until = self._clock.monotonic() + ONE_READ_SECONDS
        while self._may_read(until):
            arguments = (self._narrower or {}) if self._narrowed else self._arguments
            found = read_pages(self._client, self._method, {**arguments, "limit": PAGE}, cursor=self._cursor)
            async for answer, last in found:
                if not answer.ok and not self._begins_again(answer):
                    return self._stopped(answer)
                if not answer.ok:
                    break
                self._part += [
                    entry for row in items_in(answer, self._member) if (entry := self._keep(row)) is not None
                ]
                if last:
                    self._finish()
                    return None
                self._cursor = next_cursor(answer)
                if not self._may_read(until):
                    break
        return UnknownFact.AWAY

    def _may_read(self, until: float) -> bool:
        return self._held_until <= self._clock.monotonic() < until

    def _finish(self) -> None:
        self._whole, self._whole_at = tuple(self._part), self._clock.monotonic()
        self._whole_gap = UnknownFact.NO_SCOPE if self._narrowed else None
        self._part, self._cursor, self._begun, self._narrowed = [], None, False, False

    def _begins_again(self, answer: SlackAnswer) -> bool:
        """True if another attempt makes sense: after an expired cursor, or with narrower arguments."""
        if answer.error == "invalid_cursor" and self._cursor:
            self._cursor, self._part = None, []
            return True
        if answer.error == "missing_scope" and self._narrower is not None and not self._narrowed:
            self._narrowed = True
            return True
        return False

    def _stopped(self, answer: SlackAnswer) -> UnknownFact:
        if answer.status == 429 or answer.error == "ratelimited":
            self._held_until = self._clock.monotonic() + retry_after(answer.headers).total_seconds()
        if answer.error != "missing_scope":
            return UnknownFact.AWAY
        self._begun = self._narrowed = False
        return UnknownFact.NO_SCOPE
