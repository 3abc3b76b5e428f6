"""How many requests may be spent on one ServiceKey. People come before the polling.

Own code, since no limiter that the field trusts can be shrunk by a 429, keeps a share for one class of callers, and
lives by a clock that a test can turn.
"""

from bot.ports import Clock

RESERVED_SHARE = 0.15  # for people's commands
BURST_SECONDS = 1.0
SHRINK = 0.85  # a half would cost a third more delay: reliability is bought with a little (AIMD)
GROW_PER_SECOND = 0.01  # of the full rate
LEAST_SHARE = 0.1
UNTOLD_HOLD_SECONDS = 2.0
LONGEST_HOLD_SECONDS = 3600.0


class Budget:
    """A token bucket of `rate` requests a second, one second deep."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self.full_rate = rate
        self._rate = rate
        self._clock = clock
        self._tokens = max(1.0, rate * BURST_SECONDS)
        self._filled_at = clock.monotonic()
        self._held_until = 0.0

    @property
    def rate(self) -> float:
        """Requests a second at present: less than the full rate for a while after a 429."""
        self._fill()
        return self._rate

    def try_take(self) -> bool:
        """For the polling: takes a request if one is left beyond what people may need."""
        return self._take_if(1.0 + min(self.full_rate * RESERVED_SHARE, self._depth() - 1.0))

    async def take(self, within: float) -> bool:
        """For a person: waits until a request may be made, but no longer than `within` seconds. False: it may not."""
        deadline = self._clock.monotonic() + within
        while not self._take_if(1.0):
            seconds = self._seconds_until_one()
            if self._clock.monotonic() + seconds > deadline:
                return False
            await self._clock.sleep(seconds)
        return True

    def throttled(self, retry_after: float | None) -> None:
        """The API answered 429: nothing goes out for `retry_after` seconds, and less for a while after that."""
        self._fill()
        self._rate = max(self.full_rate * LEAST_SHARE, self._rate * SHRINK)
        hold = min(retry_after if retry_after is not None else UNTOLD_HOLD_SECONDS, LONGEST_HOLD_SECONDS)
        self._held_until = max(self._held_until, self._clock.monotonic() + hold)
        self._tokens = min(self._tokens, 1.0)

    def _depth(self) -> float:
        return max(1.0, self._rate * BURST_SECONDS)

    def _take_if(self, least: float) -> bool:
        self._fill()
        if self._clock.monotonic() < self._held_until or self._tokens < least:
            return False
        self._tokens -= 1.0
        return True

    def _fill(self) -> None:
        now = self._clock.monotonic()
        passed, self._filled_at = now - self._filled_at, now
        self._rate = min(self.full_rate, self._rate + passed * GROW_PER_SECOND * self.full_rate)
        self._tokens = min(self._depth(), self._tokens + passed * self._rate)

    def _seconds_until_one(self) -> float:
        held = self._held_until - self._clock.monotonic()
        return max(held, (1.0 - self._tokens) / self._rate, 0.01)
