"""The rate limit of one group."""

from sandbox.clock import Clock


class Allowance:
    """A token bucket that holds two seconds' worth.

    The Pipeline API publishes no limit; 4 requests a second is that of the smaller plans of the Foundational API
    (https://goldrush.dev/docs/error-handling), and the strictest reading is that it holds here too.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rate = 4.0

    @property
    def rate(self) -> float | None:
        """Requests a second; None: no limit."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        self._rate = rate
        self._tokens = self._capacity = 2 * (rate or 0.0)
        self._filled_at = self._clock.monotonic()

    def take(self) -> bool:
        """Takes one request from the bucket. False if the bucket is empty."""
        if self._rate is None:
            return True
        now = self._clock.monotonic()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
