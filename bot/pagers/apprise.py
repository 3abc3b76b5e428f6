"""Any service that Apprise knows: texts only, at least once. Apprise blocks, so it runs in threads of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from bot.domain.card import Content
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
THREADS = 4


class AppriseChat:
    """Implements `Chat` for Apprise. `addresses`: the address of each pager, by its name.

    Apprise does not say why a service refused a message. One pager's fault must not slow the others, so a failure
    counts as an answer of the service.
    """

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")

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
                if await asyncio.get_running_loop().run_in_executor(self._threads, call):
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

    def close(self) -> None:
        """Leaves calls in progress."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _refusal(delivery: Delivery, error: str, now: datetime) -> Refused:
    if now - delivery.message.made_at > GIVES_UP_AFTER:
        return Refused(kind=RefusalKind.CONTENT, error=error)
    return Refused(kind=RefusalKind.OTHER, error=error)
