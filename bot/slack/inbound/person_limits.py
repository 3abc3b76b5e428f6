"""Limits each person's requests, so that a flood delays no reads, alerts or other people.

Every bot process counts for itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil

from bot.domain.answer import RefusalAnswer
from bot.domain.watch import UserId
from bot.ports.clock import Clock

PER_MINUTE = 30
ACKNOWLEDGEMENTS_PER_MINUTE = 120  # more than a person can click by hand
CHANGE_COSTS = 2.0  # a change counts twice, because the bot announces it in a channel
TOLD_EVERY_SECONDS = 5.0  # the refusal names this time: until then a flood gets no further one
MOST_PEOPLE = 10_000
RUNNING_PER_PERSON = 2
RUNNING_IN_ALL = 16
WAIT_SECONDS = 10.0

BUSY = RefusalAnswer(
    reason="I'm still working on other commands, so I didn't start this one. Nothing was changed.",
    hint="Try again in a few seconds.",
)


@dataclass(slots=True)
class _PersonBucket:
    tokens: float
    filled_at: float
    silent_until: float = float("-inf")
    """Until then, the last refusal told the person to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMany:
    """The person reached the limit."""

    seconds: float
    """Until the bot accepts the next request, even a change."""
    tell: bool
    """False if the last refusal told the person to wait, and that time is not over."""
    burst: int
    per_minute: int

    @property
    def refusal(self) -> RefusalAnswer:
        return RefusalAnswer(
            reason="You sent commands or clicks faster than I accept them, so I skipped this one. Nothing was changed.",
            hint=f"Wait {ceil(self.seconds)} s, then try again. Until then I may skip others without an answer. "
            f"I accept {self.burst} at once, then {self.per_minute} a minute. A change counts twice.",
        )


class PersonLimits:
    """A token bucket for each person. A full one holds the requests of 40 seconds."""

    def __init__(self, clock: Clock, per_minute: int = PER_MINUTE) -> None:
        self.per_minute = per_minute
        self._rate = per_minute / 60
        self._depth = max(CHANGE_COSTS, per_minute * 2 / 3)
        self._clock = clock
        self._buckets: dict[UserId, _PersonBucket] = {}

    def take(self, person: UserId, cost: float = 1.0) -> TooMany | None:
        """None if the request is accepted."""
        if too_many := self.lacks(person, cost):
            return too_many
        self._buckets[person].tokens -= cost
        return None

    def lacks(self, person: UserId, cost: float = 1.0) -> TooMany | None:
        """None if `cost` is left. Takes nothing."""
        now = self._clock.monotonic()
        bucket = self._filled(person, now)
        if bucket.tokens >= cost:
            return None
        tell = now >= bucket.silent_until
        # The next request may be a change, whatever this one is.
        seconds = (max(cost, CHANGE_COSTS) - bucket.tokens) / self._rate
        if tell:
            bucket.silent_until = now + max(float(ceil(seconds)), TOLD_EVERY_SECONDS)
        return TooMany(
            seconds=max(seconds, bucket.silent_until - now),
            tell=tell,
            burst=int(self._depth),
            per_minute=self.per_minute,
        )

    def _filled(self, person: UserId, now: float) -> _PersonBucket:
        """Refills the bucket and moves it to the end. With too many buckets, drops the first, longest unused one."""
        bucket = self._buckets.pop(person, None) or _PersonBucket(self._depth, now)
        self._buckets[person] = bucket
        if len(self._buckets) > MOST_PEOPLE:
            del self._buckets[next(iter(self._buckets))]
        bucket.tokens = min(self._depth, bucket.tokens + (now - bucket.filled_at) * self._rate)
        bucket.filled_at = now
        return bucket


class BusyError(Exception):
    """No slot became free in time, so nothing was started."""


class CommandSlots:
    """Limits how many commands run at once, for each person and in all."""

    def __init__(self, *, per_person: int = RUNNING_PER_PERSON, in_all: int = RUNNING_IN_ALL) -> None:
        self._per_person = per_person
        self._all = asyncio.Semaphore(in_all)
        self._slots: dict[UserId, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def taken(self, person: UserId, wait_seconds: float = WAIT_SECONDS) -> AsyncIterator[None]:
        """
        Raises:
            BusyError: no slot was free within `wait_seconds` seconds.
        """
        own = self._enter(person)
        try:
            # Take the person's own slot first, so that a waiting person holds no slot that others need.
            await _acquired(own, wait_seconds)
            try:
                await _acquired(self._all, wait_seconds)
                try:
                    yield
                finally:
                    self._all.release()
            finally:
                own.release()
        finally:
            self._leave(person)

    def _enter(self, person: UserId) -> asyncio.Semaphore:
        semaphore, users = self._slots.get(person, (asyncio.Semaphore(self._per_person), 0))
        self._slots[person] = semaphore, users + 1
        return semaphore

    def _leave(self, person: UserId) -> None:
        semaphore, users = self._slots.pop(person)
        if users > 1:
            self._slots[person] = semaphore, users - 1


async def _acquired(semaphore: asyncio.Semaphore, wait_seconds: float) -> None:
    try:
        async with asyncio.timeout(wait_seconds):
            await semaphore.acquire()
    except TimeoutError:
        raise BusyError from None
