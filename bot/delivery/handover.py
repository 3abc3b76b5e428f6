"""The right to send: one bot of a workspace sends at a time, because Slack's limits are the workspace's.

The right is a lease. Redis keeps the levels of the token buckets, so that no sender starts with full ones after
another.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from bot.delivery.lane_services import LaneServices
from bot.delivery.rate_limiter import RateLimiter
from bot.ports.rate_limits import Method
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.delivery import SendingStarted

RENEW_SECONDS = 2.0  # between two requests for the right: to extend it, or to get it after another bot


class Handover:
    """Takes the right to send together with the state of the rate limits, and passes both on."""

    def __init__(self, services: LaneServices) -> None:
        self._right = services.sending_right
        self._store = services.store
        self._clock = services.clock
        self._limiters = {kind: carrier.limiter for kind, carrier in services.carriers.items()}
        self._asked_at = float("-inf")
        self._restored = False
        """True once the limiters know what the senders before this one did."""

    async def hold(self) -> bool:
        """Takes or extends the right. True if this bot is the active sender, False if it stands by.

        Raises:
            StoreAway: this bot may hold the right, but must not send before the next call succeeds.
        """
        if self._restored and self._clock.monotonic() - self._asked_at < RENEW_SECONDS:
            return self._right.is_leader
        if await self._right.acquire():
            self._restored = False
        if (lease := self._right.lease) is None:
            self._restored = False
        elif self._restored:
            await self._save_empty(lease.expires)
        else:
            await self._restore()
            await self._save_empty(lease.expires)
            self._restored = True
            emit(SendingStarted())
        self._asked_at = self._clock.monotonic()
        return self._restored and self._right.is_leader

    async def _restore(self) -> None:
        """Obeys throttles and empty buckets from before a restart, and those of other senders."""
        now = self._clock.now()
        for (kind, method), until in (await self._store.throttles()).items():
            remaining = (until - now).total_seconds()
            if method in set(Method) and remaining > 0 and (limiter := self._limiters.get(kind)):
                limiter.throttle(Method(method), remaining)
        for (kind, method), full_at in (await self._store.full_buckets()).items():
            if method in set(Method) and (limiter := self._limiters.get(kind)):
                limiter.drain(Method(method), (full_at - now).total_seconds())

    async def _save_empty(self, expires: float) -> None:
        """If this bot dies, it has spent all that it could: its buckets count as empty at the end of its right."""
        remaining = expires - self._clock.monotonic()
        await self._save(lambda limiter, method: remaining + limiter.seconds_from_empty(method))

    async def _save(self, seconds_until_full: Callable[[RateLimiter, Method], float]) -> None:
        now = self._clock.now()
        await self._store.save_full_buckets(
            {
                (kind, method): now + timedelta(seconds=seconds_until_full(limiter, method))
                for kind, limiter in self._limiters.items()
                for method in Method
            }
        )

    async def hand_over(self) -> None:
        """Gives the right back once the next sender may post to any channel: it doesn't know the last posts.

        Call it after the last message is settled. If the store is away, the next sender waits for the end of the lease.
        """
        if not self._right.is_leader:
            return
        if wait := max((limiter.seconds_until_spaced() for limiter in self._limiters.values()), default=0.0):
            await self._clock.sleep(wait)
        with suppress(StoreAway):
            if self._restored and self._right.is_leader:
                await self._save(RateLimiter.seconds_until_full)
            await self._right.release()
