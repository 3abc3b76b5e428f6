"""The budget: how many requests a second the bot may spend on one ServiceKey. People come before the polling.

No common limiter slows down after a 429, reserves a share for some callers, and lets tests set its clock. So this is
own code.
"""

from enum import Enum

from bot.ports.clock import Clock
from bot.ports.figures import BudgetFigures
from bot.ports.pipeline_api import ApiError, Throttled

RESERVED_SHARE = 0.15  # for people's commands
BURST_SECONDS = 1.0
POLLING_WAITS_SECONDS = 0.5  # polling asks four times a second; a longer silence means that it needs nothing
SHRINK = 0.85  # AIMD; halving the rate would add a third more delay
GROW_PER_SECOND = 0.01  # of the full rate
LEAST_SHARE = 0.1
UNTOLD_HOLD_SECONDS = 2.0  # after a 429 that names no wait
LONGEST_HOLD_SECONDS = 3600.0


class Route(Enum):
    """The kind of a request. A wait that GoldRush asks for applies to one route."""

    STATUS = "status"
    LISTING = "listing"
    PIPELINE = "pipeline"


class Budget:
    """A token bucket of `rate` requests a second, one second deep.

    A hold is a wait that GoldRush asked for: until its end, the bot sends nothing on that route.
    """

    def __init__(self, rate: float, clock: Clock) -> None:
        self.full_rate = rate
        self._rate = rate
        self._clock = clock
        self._tokens = max(1.0, rate * BURST_SECONDS)
        self._peoples = 1.0
        """The requests left of people's share. They may use it even while the polling waits."""
        self._polling_waits_until = float("-inf")
        self._filled_at = clock.monotonic()
        self._holds: dict[Route, tuple[float, float]] = {}
        self._used = 0
        """The requests taken since the start."""

    @property
    def rate(self) -> float:
        """Requests a second now. After a 429 it is lower than the full rate for a while."""
        self._fill()
        return self._rate

    def figures(self) -> BudgetFigures:
        return BudgetFigures(full_rate=self.full_rate, rate=self.rate, used=self._used)

    def try_take(self, route: Route) -> bool:
        """Takes a request for the polling, if people don't need it."""
        taken = self._take_if(route, 1.0 + min(self.full_rate * RESERVED_SHARE, self._depth() - 1.0))
        waits = not taken and not self.current_hold(route)
        self._polling_waits_until = self._clock.monotonic() + POLLING_WAITS_SECONDS if waits else float("-inf")
        return taken

    async def take(self, route: Route, within: float) -> bool:
        """Takes a request for a person; waits for it at most `within` seconds. False: none was free.

        People come first, up to their share. While the polling waits, they get no more than that.
        """
        deadline = self._clock.monotonic() + within
        while not self._take_for_person(route):
            seconds = self._seconds_until_one(route)
            if self._clock.monotonic() + seconds > deadline:
                return False
            await self._clock.sleep(seconds)
        return True

    def _take_for_person(self, route: Route) -> bool:
        self._fill()
        if (self._polling_waits and self._peoples < 1.0) or not self._take_if(route, 1.0):
            return False
        self._peoples = max(0.0, self._peoples - 1.0)
        return True

    @property
    def _polling_waits(self) -> bool:
        return self._clock.monotonic() < self._polling_waits_until

    def obey(self, route: Route, error: ApiError) -> None:
        """Adapts to a failed read. Only a 429 lowers the rate; any error may ask for a wait."""
        if isinstance(error, Throttled):
            self.throttled(route, error.retry_after)
        elif error.retry_after:
            self.hold(route, error.retry_after)

    def throttled(self, route: Route, retry_after: float | None) -> None:
        """After a 429: lowers the rate for a while, and holds this route for `retry_after` seconds."""
        self._fill()
        self._rate = max(self.full_rate * LEAST_SHARE, self._rate * SHRINK)
        self._tokens = min(self._tokens, 1.0)
        self.hold(route, retry_after if retry_after is not None else UNTOLD_HOLD_SECONDS)

    def hold(self, route: Route, seconds: float) -> None:
        """Holds this route for `seconds`. An earlier, longer hold still applies."""
        now = self._clock.monotonic()
        since, until = self._holds.get(route, (now, now))
        since = since if until > now else now
        self._holds[route] = since, max(until, now + min(seconds, LONGEST_HOLD_SECONDS))

    def current_hold(self, route: Route) -> tuple[float, float] | None:
        """Begin and end of the hold on this route, in monotonic seconds. None: the route is free."""
        hold = self._holds.get(route)
        return hold if hold and hold[1] > self._clock.monotonic() else None

    def _depth(self) -> float:
        return max(1.0, self._rate * BURST_SECONDS)

    def _take_if(self, route: Route, least: float) -> bool:
        self._fill()
        if self.current_hold(route) or self._tokens < least:
            return False
        self._tokens -= 1.0
        self._used += 1
        return True

    def _fill(self) -> None:
        now = self._clock.monotonic()
        passed, self._filled_at = now - self._filled_at, now
        self._rate = min(self.full_rate, self._rate + passed * GROW_PER_SECOND * self.full_rate)
        self._tokens = min(self._depth(), self._tokens + passed * self._rate)
        self._peoples = min(1.0, self._peoples + passed * self._rate * RESERVED_SHARE)

    def _seconds_until_one(self, route: Route) -> float:
        hold = self.current_hold(route)
        held = hold[1] - self._clock.monotonic() if hold else 0.0
        for_polling = POLLING_WAITS_SECONDS / 2 if self._polling_waits and self._peoples < 1.0 else 0.0
        return max(held, (1.0 - self._tokens) / self._rate, for_polling, 0.01)
