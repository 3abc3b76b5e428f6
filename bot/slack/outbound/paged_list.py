"""Caches one of Slack's lists, which it reads page by page.

If Slack or the deadline stops a read midway, the next read continues at the cursor.
"""

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
ONE_READ_SECONDS = 3.0  # a person is waiting; `continue_reading` reads the rest


class Named(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """The known items of a list."""

    rows: tuple[T, ...]
    gap: UnknownFact | None = None
    """Why items may be missing. None if the list is complete."""


class PagedList(Generic[T]):
    """A cached list, such as all people or all channels of the workspace.

    `method` and `field`: Slack's method, and the field of its answer that holds the rows. `keep` reduces a row to the
    needed parts, or drops it; full rows of a large workspace would fill the memory. `narrower`: the arguments to use
    if a scope for `arguments` is missing.
    """

    def __init__(
        self,
        client: SlackClient,
        clock: Clock,
        method: str,
        field: str,
        keep: Callable[[ListItem], T | None],
        *,
        arguments: Mapping[str, object] | None = None,
        narrower: Mapping[str, object] | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._method = method
        self._field = field
        self._keep = keep
        self._arguments = dict(arguments or {})
        self._narrower = narrower
        self._narrowed = False
        """True if this read uses `narrower`. The next one tries `arguments` again: someone may grant the scope."""
        self._complete: tuple[T, ...] = ()
        self._complete_gap: UnknownFact | None = None
        self._complete_at = float("-inf")
        self._partial: list[T] = []
        self._cursor: str | None = None
        self._unfinished = False
        self._held_until = float("-inf")
        self._reading = asyncio.Lock()

    async def rows(self, *, older_than: float) -> Rows[T]:
        """All items. Reads the list again if the last complete one is older than `older_than` seconds.

        A partial read adds its items to the last complete list, because names rarely disappear.
        """
        async with self._reading:
            if self._clock.monotonic() - self._complete_at < older_than:
                return Rows(self._complete, self._complete_gap)
            gap = await self._read_until_deadline()
            if gap is None:
                return Rows(self._complete, self._complete_gap)
            known = {row.id: row for row in (*self._complete, *self._partial)}
            return Rows(tuple(known.values()), gap)

    async def continue_reading(self) -> None:
        """Continues an unfinished read. Runs every few seconds, so that a later lookup finds the rows."""
        async with self._reading:
            if self._unfinished:
                await self._read_until_deadline()

    async def _read_until_deadline(self) -> UnknownFact | None:
        """Reads until the end or the deadline. Returns why it stopped early; None at the end."""
        self._unfinished = True
        until = self._clock.monotonic() + ONE_READ_SECONDS
        while self._may_read(until):
            arguments = (self._narrower or {}) if self._narrowed else self._arguments
            found = read_pages(self._client, self._method, {**arguments, "limit": PAGE}, cursor=self._cursor)
            async for answer, last in found:
                if not answer.ok and not self._can_restart(answer):
                    return self._stopped(answer)
                if not answer.ok:
                    break
                self._partial += [
                    entry for row in items_in(answer, self._field) if (entry := self._keep(row)) is not None
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
        self._complete, self._complete_at = tuple(self._partial), self._clock.monotonic()
        self._complete_gap = UnknownFact.NO_SCOPE if self._narrowed else None
        self._partial, self._cursor, self._unfinished, self._narrowed = [], None, False, False

    def _can_restart(self, answer: SlackAnswer) -> bool:
        """True if another attempt makes sense: after an expired cursor, or with narrower arguments."""
        if answer.error == "invalid_cursor" and self._cursor:
            self._cursor, self._partial = None, []
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
        self._unfinished = self._narrowed = False
        return UnknownFact.NO_SCOPE
