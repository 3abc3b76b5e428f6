"""Takes one safeguard out of the bot, for `test_sabotage`: SABOTAGE=name python -m pytest -p tests.proofs.mutants …"""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.doubt import Doubt
from bot.delivery.lane_worker import LaneWorker
from bot.domain import protocol
from bot.domain.delivery import Delivery
from bot.domain.plan import Plan
from bot.domain.protocol import as_sending
from bot.goldrush.client import Client
from bot.slack.outbound import calls
from bot.store import scripts
from bot.store.rate_limits import RedisRateLimits
from tests.proofs import world
from tests.proofs.crash_points import be_a_bot
from tests.proofs.memory import MemoryStore

FENCE = "if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end\n"


def _fence() -> None:
    """Redis takes what an owner writes whose lease has run out."""
    whole = scripts._source
    scripts._source = lambda name: whole(name).replace(FENCE, "")


def _wait() -> None:
    """It is looked at once, and looked twice at once, whatever may still be under way."""
    for name in ("LANDS_WITHIN", "STRAGGLES_FOR", "LOOKUP_INTERVAL", "BACKOFF"):
        assert hasattr(protocol, name)  # a mutant of nothing would go unnoticed
        setattr(protocol, name, timedelta())


def _mark() -> None:
    """That a message is given to Slack is not written down before."""

    async def unmarked(self: LaneWorker, delivery: Delivery) -> Delivery:
        return as_sending(delivery, self._clock.now(), self._ownership)

    LaneWorker._record_sending = unmarked  # type: ignore[method-assign]


def _retry_handlers() -> None:
    """slack_sdk repeats by itself what it thinks was lost."""

    def client(token: str | None, api_url: str) -> AsyncWebClient:
        return AsyncWebClient(token=token, base_url=api_url, timeout=int(calls.DEADLINE_SECONDS))

    calls.web_client = client


class _NoSemaphore:
    async def acquire(self) -> None:
        return None

    def release(self) -> None:
        return None


def _semaphore() -> None:
    """Nothing bounds how many reads are under way at once."""
    begin = Client.__init__

    def unbounded(self: Client, **given: Any) -> None:
        begin(self, **given)
        self._slots = _NoSemaphore()  # type: ignore[assignment]

    Client.__init__ = unbounded  # type: ignore[method-assign]


def _order() -> None:
    """The state is written first, and what it owes in a step of its own."""
    whole = MemoryStore.commit

    async def torn(self: MemoryStore, plan: Plan, watches_version: int) -> bool:
        done = await whole(self, replace(plan, messages=()), watches_version)
        if done:
            await self.enqueue(plan.messages)
        return done

    MemoryStore.commit = torn  # type: ignore[method-assign]


def _doubt() -> None:
    """That Redis went back in time is not heeded: what is open is sent as if nothing had been."""

    def ignore(self: Doubt, since: datetime) -> None:
        return None

    Doubt.arise = ignore  # type: ignore[method-assign]


def be_a_bot_that_stores_no_throttle(*given: Any) -> None:
    async def unstored(self: RedisRateLimits, method: str, since: datetime, until: datetime) -> None:
        return None

    RedisRateLimits.save_throttle = unstored  # type: ignore[method-assign]
    be_a_bot(*given)


def _throttle() -> None:
    """How long Slack is to be let alone is not written down: the next life does not know."""
    vars(world)["be_a_bot"] = be_a_bot_that_stores_no_throttle


SABOTAGES: dict[str, Callable[[], None]] = {
    "fence": _fence,
    "wait": _wait,
    "mark": _mark,
    "retry_handlers": _retry_handlers,
    "semaphore": _semaphore,
    "order": _order,
    "doubt": _doubt,
    "throttle": _throttle,
}


def pytest_configure() -> None:
    SABOTAGES[os.environ["SABOTAGE"]]()
