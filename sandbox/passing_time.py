"""Lets hours pass within seconds: for Slack, GoldRush and the bot, which takes its time from its Redis."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from redis.exceptions import RedisError

from sandbox.background import Background
from sandbox.clock import Clock
from sandbox.redis_faults import RedisStandIn
from sandbox.slack.delivery import Transport
from sandbox.slack.wire import Refused
from sandbox.slack.workspace import Workspace

SHORTEST_STEP = 120.0
"""Seconds. Between two steps the bot reads, and serves the timers that are due."""
MOST_STEPS = 6
FOLLOWED_BY = 3.0
"""Seconds after a step: the bot asks Redis for the time every two seconds."""
ANSWERED_BY = 5.0  # seconds
KEPT_EVERY = 1.0
"""Seconds. The bot slows its time down while it is ahead of Redis' clock."""
LONGEST = 7 * 86_400.0


class PassingTime:
    """Moves the sandbox's clock, and keeps the bot's time equal to it."""

    def __init__(
        self,
        clock: Clock,
        slack: Workspace,
        redis: RedisStandIn | None,
        on_change: Callable[[], None],
        *,
        followed_by: float = FOLLOWED_BY,
    ) -> None:
        self._clock = clock
        self._slack = slack
        self._redis = redis
        self._on_change = on_change
        self._followed_by = followed_by
        self._background = Background()
        self._is_kept = False
        self.left = 0.0
        """Seconds that still pass."""

    async def let_pass(self, seconds: float) -> None:
        """Returns when they have passed.

        Raises:
            Refused: there is no bot whose time this sandbox can move, or time passes already.
        """
        redis = self._movable()
        if not 0 < seconds <= LONGEST:
            raise ValueError(f"seconds must be above 0, and at most {LONGEST:.0f}")
        self.left, step = seconds, max(SHORTEST_STEP, seconds / MOST_STEPS)
        try:
            while self.left > 0:
                await self._step(redis, min(step, self.left))
        finally:
            self.left = 0.0
            self._on_change()

    def _movable(self) -> RedisStandIn:
        if self._redis is None:
            raise Refused("Only the demo can let time pass: its bot takes the time from the demo's Redis.")
        if self._slack.delivery.transport is Transport.HTTP:
            raise Refused("Time can't pass in HTTP mode: the bot would refuse the times of Slack's signatures.")
        if self.left:
            raise Refused("Time is passing already. Wait until it has.")
        return self._redis

    async def _step(self, redis: RedisStandIn, seconds: float) -> None:
        try:
            async with asyncio.timeout(ANSWERED_BY):
                await redis.set_bots_time(self._clock.now() + seconds)
        except (OSError, RedisError, TimeoutError) as error:
            raise Refused("Time can't pass: the demo's Redis doesn't answer. Fix that first.") from error
        self._clock.jump(seconds)
        self._slack.scheduled.postpone(seconds)
        self.left -= seconds
        if not self._is_kept:
            self._background.start(self._keep(redis))
            self._is_kept = True
        self._on_change()
        await asyncio.sleep(self._followed_by)

    async def _keep(self, redis: RedisStandIn) -> None:
        while True:
            await asyncio.sleep(KEPT_EVERY)
            with suppress(OSError, RedisError):  # a fault of Redis: the bot's own time goes on
                await redis.set_bots_time(self._clock.now())

    async def close(self) -> None:
        await self._background.close()
