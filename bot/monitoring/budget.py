"""The budget: how many requests a second the bot may spend on one ServiceKey. People come before the polling.

No common limiter slows down after a 429, reserves a share for some callers, and lets tests set its clock. So this is
own code.
"""

from enum import Enum
from math import exp

from bot.ports.clock import Clock
from bot.ports.figures import BudgetFigures
from bot.ports.pipeline_api import ApiError, Throttled

RESERVED_SHARE = 0.15  # for people's commands
BURST_SECONDS = 1.0
PEOPLES_BURST_SECONDS = 3.0  # of the full rate: people may use this much at once, after they used nothing for a while
OTHERS_SECONDS = 30.0  # over which the requests of people and of the listing are averaged
POLLING_WAITS_SECONDS = 0.5  # polling asks four times a second; a longer silence means that it needs nothing
SHRINK = 0.85  # AIMD: each 429 multiplies the rate, and time adds to it again
GROW_PER_SECOND = 0.01  # of the full rate
LEAST_SHARE = 0.1
UNTOLD_HOLD_SECONDS = 2.0  # after a 429 that names no wait
LONGEST_HOLD_SECONDS = 3600.0
BUDGET_USED_UP = "my own request budget is used up"
GOLDRUSH_HOLDS = "GoldRush asked me to slow down, so I didn't ask again"


class Route(Enum):
    """The endpoint of a request. A 429, and a wait that GoldRush asks for, apply to one route.

    An assumption: GoldRush documents no limits for this API. The rate of all routes together is the ServiceKey's.
    """

    STATUS = "status"
    LISTING = "listing"
    PIPELINE = "pipeline"
    LOGS = "logs"
    METRICS = "metrics"
    HEALTH = "destination_health"
    USAGE = "usage"
    CHAINS = "chains"


class _Bucket:
    """Gives `rate` tokens a second, and holds those of one second."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.tokens = self.depth

    @property
    def depth(self) -> float:
        return max(1.0, self.rate * BURST_SECONDS)

    def fill(self, seconds: float) -> None:
        self.tokens = min(self.depth, self.tokens + seconds * self.rate)


class Budget:
    """A token bucket of `rate` requests a second, one second deep. After a 429, its route gets a slower one as well.

    A hold is a wait that GoldRush asked for: until its end, the bot sends nothing on that route.
    """

    def __init__(self, rate: float, clock: Clock) -> None:
        self.full_rate = rate
        self._clock = clock
        self._all = _Bucket(rate)
        self._slowed: dict[Route, _Bucket] = {}
        """The routes that answered 429, until their rate has grown back."""
        self._peoples = 1.0
        """The requests left of people's share. They may use it even while the polling waits."""
        self._others = 0.0
        """The requests of people and of the listing in the last half minute; older ones fade."""
        self._polling_waits_until = float("-inf")
        self._spare_waits_until = float("-inf")
        """The polling leaves a request until then, for what can wait and has a share left."""
        self._filled_at = clock.monotonic()
        self._holds: dict[Route, tuple[float, float]] = {}
        self._used = 0
        """The requests taken since the start."""

    @property
    def rate(self) -> float:
        """Status requests a second now. After a 429 it is lower than the full rate for a while."""
        self._fill()
        return self._slowed[Route.STATUS].rate if Route.STATUS in self._slowed else self.full_rate

    @property
    def polling_rate(self) -> float:
        """Status requests a second that people and the listing leave for the polling."""
        rate = self.rate
        return max(rate - self._others / OTHERS_SECONDS, rate * (1 - RESERVED_SHARE))

    def figures(self) -> BudgetFigures:
        return BudgetFigures(full_rate=self.full_rate, rate=self.rate, used=self._used)

    def try_take(self, route: Route) -> bool:
        """Takes a request for the polling, if people don't need it."""
        spare = 1.0 if self._clock.monotonic() < self._spare_waits_until else 0.0
        taken = self._take_if(route, spare + 1.0 + min(self.full_rate * RESERVED_SHARE, self._all.depth - 1.0))
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

    def try_take_spare(self, route: Route) -> bool:
        """Takes a request for what can wait, such as logs and measurements: one that polling and people leave.

        While the polling waits, that is one from people's share, of which half stays for them.
        """
        self._fill()
        least, left = 1.0 + min(self.full_rate * RESERVED_SHARE, self._all.depth - 1.0), True
        if self._polling_waits:
            least, left = 1.0, self._peoples - 1.0 >= (self._most_for_people - 1.0) / 2
        taken = left and self._take_if(route, least)
        waits = left and not taken and not self.current_hold(route)
        self._spare_waits_until = self._clock.monotonic() + POLLING_WAITS_SECONDS if waits else float("-inf")
        if taken and self._polling_waits:
            self._peoples -= 1.0
        self._others += taken
        return taken

    @property
    def _most_for_people(self) -> float:
        return max(1.0, self.full_rate * PEOPLES_BURST_SECONDS)

    def why_none(self, route: Route) -> str:
        """Why `take` found no request, in words for people."""
        return GOLDRUSH_HOLDS if self.current_hold(route) else BUDGET_USED_UP

    def _take_for_person(self, route: Route) -> bool:
        self._fill()
        if (self._polling_waits and self._peoples < 1.0) or not self._take_if(route, 1.0):
            return False
        self._peoples = max(0.0, self._peoples - 1.0)
        self._others += 1.0
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
        """After a 429: lowers the route's rate for a while, and holds it for `retry_after` seconds."""
        self._fill()
        slowed = self._slowed.setdefault(route, _Bucket(self.full_rate))
        slowed.rate = max(self.full_rate * LEAST_SHARE, slowed.rate * SHRINK)
        slowed.tokens = min(slowed.tokens, 1.0)
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

    def _take_if(self, route: Route, least: float) -> bool:
        self._fill()
        slowed = self._slowed.get(route)
        if self.current_hold(route) or self._all.tokens < least or (slowed and slowed.tokens < 1.0):
            return False
        self._used += 1
        self._all.tokens -= 1.0
        if slowed:
            slowed.tokens -= 1.0
        return True

    def _fill(self) -> None:
        now = self._clock.monotonic()
        passed, self._filled_at = now - self._filled_at, now
        if passed <= 0:
            return
        self._all.fill(passed)
        self._peoples = min(self._most_for_people, self._peoples + passed * self.full_rate * RESERVED_SHARE)
        self._others *= exp(-passed / OTHERS_SECONDS)
        for route, slowed in list(self._slowed.items()):
            slowed.rate += passed * GROW_PER_SECOND * self.full_rate
            slowed.fill(passed)
            if slowed.rate >= self.full_rate:
                del self._slowed[route]

    def _seconds_until_one(self, route: Route) -> float:
        hold = self.current_hold(route)
        held = hold[1] - self._clock.monotonic() if hold else 0.0
        for_polling = POLLING_WAITS_SECONDS / 2 if self._polling_waits and self._peoples < 1.0 else 0.0
        slowed = self._slowed.get(route, self._all)
        for_token = max((1.0 - bucket.tokens) / bucket.rate for bucket in (self._all, slowed))
        return max(held, for_token, for_polling, 0.01)
