"""Any service that Apprise knows: texts only, at least once. Apprise blocks, so it runs in threads of its own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from threading import Thread

from bot.domain.body import Content
from bot.domain.delivery import (
    Delivery,
    Lookup,
    LookupResult,
    Outcome,
    Receiver,
    ReceiverKind,
    RefusalKind,
    Refused,
    Unreadable,
)
from bot.domain.pager import PagerEvent, PagingEnd
from bot.pagers.outcomes import GIVES_UP_AFTER, page_refusal, posted
from bot.pagers.reports import may_repeat, reported
from bot.pagers.texts import page_text
from bot.ports.rate_limits import Method, RateLimits

APPRISE = ReceiverKind("apprise")
DEADLINE_SECONDS = 8.0  # longer than Apprise's own timeouts, which are 4 s for the connection and 4 s for the answer
APPRISE_LIMITS = RateLimits(
    per_minute={Method.POST: 60, Method.UPDATE: 60, Method.HISTORY: 60},
    spacing_seconds=3.0,  # several texts in a row help nobody: meanwhile, new failures join one message
    call_seconds=DEADLINE_SECONDS + 1.0,
)
MOST_THREADS = 8  # calls that hang at once; a further one waits for its next try


class AppriseChat:
    """Implements `Chat` for Apprise. `addresses`: the address of each pager, by its name.

    Apprise does not say why a service refused a message. One pager's fault must not slow the others, so a failure
    counts as an answer of the service.
    """

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._running = 0

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:  # noqa: ARG002 (the port's)
        from bot.pager_library import notify  # noqa: PLC0415 (takes memory, and most bots have no such pager)

        address = self._addresses.get(delivery.receiver.id)
        if address is None or not isinstance(content, PagerEvent):
            return reported(delivery, page_refusal(delivery, "PAGERS has no such pager", now))
        if content.end is PagingEnd.RENEWED:
            return posted(now)
        text = page_text(content, may_repeat=may_repeat(delivery))
        call = partial(notify, address, text.title, text.body, content.action.value)
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                if await self._in_thread(call):
                    return posted(now)
            error = "Apprise could not send it"
        except TimeoutError:
            error = f"no answer within {DEADLINE_SECONDS:g} s"
        return reported(delivery, _refusal(delivery, error, now))

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:  # noqa: ARG002
        return await self.post(delivery, content, parent_id=None, now=now)

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        return [Unreadable("Apprise can't look anything up")] * len(lookups)

    async def delete(self, receiver: Receiver, message_id: str) -> bool:  # noqa: ARG002
        return False

    async def _in_thread(self, call: Callable[[], bool]) -> bool:
        """In a thread that no stop of the bot waits for: a service may hang for long."""
        if self._running >= MOST_THREADS:
            return False
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()

        def finish(outcome: bool) -> None:  # noqa: FBT001 (called by the loop)
            self._running -= 1
            if not done.done():
                done.set_result(outcome)

        def run() -> None:
            outcome = False
            with suppress(Exception):  # a plugin's own error
                outcome = call()
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(finish, outcome)

        self._running += 1
        Thread(target=run, name="apprise", daemon=True).start()
        return await done


def _refusal(delivery: Delivery, error: str, now: datetime) -> Refused:
    if now - delivery.message.made_at > GIVES_UP_AFTER:
        return Refused(kind=RefusalKind.CONTENT, error=error)
    return Refused(kind=RefusalKind.OTHER, error=error)
