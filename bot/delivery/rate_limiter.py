"""Limits the rate of calls to one kind of receiver: a token bucket for each method, and a pause when its service asks.

The service counts as away after several calls in a row without an answer. Then calls go out one at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.delivery.claims import CLAIM_SECONDS, Claims, Rank
from bot.delivery.faults import Faults
from bot.domain.delivery import Delay, Delivery, Lane, Priority, Receiver
from bot.ports.clock import Clock
from bot.ports.rate_limits import Method, RateLimits

URGENT = frozenset({Priority.PAGE, Priority.FAILURE})
RESERVED_SHARE = 0.2  # of each bucket: a page finds room even if all other lanes are busy
UNANSWERED_UNTIL_AWAY = 2  # one unanswered call says little about the next
BURST_MINUTES = 1 / 3  # what a full bucket holds, in minutes of its rate
LONGEST_PAUSE_SECONDS = 15.0
HEAD_START_SECONDS = 1.0  # of urgent messages when a pause ends: their lanes read new rows in this time


@dataclass(slots=True)
class _MethodBucket:
    """The calls of one method that may be made now, and how the last ones went. Times are monotonic seconds."""

    tokens: float
    filled_at: float
    throttled_until: float = 0.0
    """The end of the pause that the service asked for."""
    unanswered_calls: int = 0
    """The number of calls in a row that got no answer, or a demand for a pause."""
    trial_until: float = 0.0
    """While the service is away: no call before this time. A call under way holds the others back too."""
    troubled_until: float = float("-inf")
    """The last time at which a pause or an unanswered call could delay a message."""
    why: Delay = Delay.NOT_REACHED
    """The kind of that trouble."""


@dataclass(slots=True)
class RateLimiter:
    """Says how long a call must wait, and records the calls made. Times are seconds on the monotonic clock."""

    clock: Clock
    limits: RateLimits
    _buckets: dict[Method, _MethodBucket] = field(default_factory=dict)
    _posted_at: dict[Receiver, float] = field(default_factory=dict)
    """When a worker last chose a message. A moment later it makes the call and sets `_sent_at`."""
    _sent_at: dict[Receiver, float] = field(default_factory=dict)
    _claimed_until: dict[Receiver, float] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    claims: Claims = field(init=False)

    def __post_init__(self) -> None:
        self.claims = Claims(self.clock)

    def wait(self, receiver: Receiver, method: Method, priority: Priority) -> float:
        """Seconds until this call may be made; 0 if it may be made now."""
        now = self.clock.monotonic()
        bucket = self._filled(method, now)
        needed = 1.0 if priority in URGENT else 1.0 + RESERVED_SHARE * self._burst(method)
        missing = max(0.0, needed - bucket.tokens) * 60 / self.limits.per_minute[method]
        spacing = 0.0
        if method is Method.POST and receiver in self._posted_at:
            spacing = self._posted_at[receiver] + self.limits.spacing_seconds - now
        if method is Method.POST and priority not in URGENT:
            spacing = max(spacing, self._claimed_until.get(receiver, now) - now)
        opens_at = max(bucket.throttled_until, bucket.trial_until)
        if priority not in URGENT and self.away(method):
            opens_at += HEAD_START_SECONDS
        return max(0.0, missing, spacing, opens_at - now)

    def ranked_wait(self, lane: Lane, method: Method, rank: Rank) -> float:
        """As `wait`, but more urgent lanes go first while the service is away.

        Then one call is made at a time, in order of rank. Otherwise lanes are independent, except that a receiver's
        feed waits for its pages.
        """
        seconds = self.wait(lane.receiver, method, rank.priority)
        if self.away(method):
            return max(seconds, self.claims.seconds_until_first(lane, method, rank))
        return seconds

    def rank(self, delivery: Delivery) -> Rank:
        at_fault = delivery in self.faults
        return Rank(at_fault, delivery.message.priority, delivery.message.made_at, delivery.lane.name)

    def claim(self, receiver: Receiver) -> None:
        """A page waits for this receiver: its feed gives way until shortly after the last claim."""
        self._claimed_until[receiver] = self.clock.monotonic() + CLAIM_SECONDS

    def reserve(self, receiver: Receiver, method: Method) -> None:
        """Takes the call's token and its place in the receiver's order before the worker makes the call."""
        now = self.clock.monotonic()
        bucket = self._filled(method, now)
        bucket.tokens -= 1.0
        if bucket.unanswered_calls >= UNANSWERED_UNTIL_AWAY:
            bucket.trial_until = now + self.limits.call_seconds  # the trial: other calls wait for its outcome
        if method is Method.POST:
            self._posted_at[receiver] = now

    @contextmanager
    def holding(self, method: Method | None) -> Iterator[None]:
        """Keeps one call for the caller, which looks at its lane again before it makes the call.

        Meanwhile other lanes wait for the next one. `None`: the caller makes no call.
        """
        if method is None:
            yield
            return
        self._filled(method, self.clock.monotonic()).tokens -= 1.0
        try:
            yield
        finally:
            self._filled(method, self.clock.monotonic()).tokens += 1.0

    def throttle(self, method: Method, seconds: float) -> None:
        """The service limits this method for all receivers of the kind."""
        now = self.clock.monotonic()
        bucket = self._filled(method, now)
        bucket.throttled_until = max(bucket.throttled_until, now + seconds)
        bucket.unanswered_calls = max(bucket.unanswered_calls + 1, UNANSWERED_UNTIL_AWAY)
        bucket.troubled_until, bucket.why = bucket.throttled_until, Delay.RATE_LIMITED

    def record_no_answer(self, method: Method) -> None:
        """A call got no answer.

        After several in a row the service counts as away. Then trial calls go out one at a time, less and less often.
        """
        now = self.clock.monotonic()
        bucket = self._filled(method, now)
        bucket.unanswered_calls += 1
        bucket.troubled_until, bucket.why = now, Delay.NOT_REACHED
        if bucket.unanswered_calls >= UNANSWERED_UNTIL_AWAY:
            bucket.trial_until = now + min(
                2.0 ** min(bucket.unanswered_calls - UNANSWERED_UNTIL_AWAY, 10), LONGEST_PAUSE_SECONDS
            )

    def record_answer(self, method: Method) -> None:
        """A call got an answer: the service is no longer away."""
        bucket = self._filled(method, now := self.clock.monotonic())
        if bucket.unanswered_calls >= UNANSWERED_UNTIL_AWAY:
            bucket.troubled_until = now
        bucket.unanswered_calls, bucket.trial_until = 0, 0.0

    def blocked_for(self, receiver: Receiver, method: Method) -> float:
        """Seconds until a chosen call may really be made.

        Since the choice, the service may have asked for a pause, or another message may have gone out.
        """
        now = self.clock.monotonic()
        spacing = self._sent_at.get(receiver, float("-inf")) + self.limits.spacing_seconds - now
        return max(0.0, self._filled(method, now).throttled_until - now, spacing if method is Method.POST else 0.0)

    def record_send(self, receiver: Receiver, method: Method) -> None:
        """A call is about to be made. The next post to this receiver keeps its distance from it."""
        if method is Method.POST:
            self._sent_at[receiver] = self._posted_at[receiver] = self.clock.monotonic()

    def seconds_until_spaced(self) -> float:
        """Seconds until the next post may go to any receiver, wherever the last one went."""
        last = max(self._sent_at.values(), default=float("-inf"))
        return max(0.0, last + self.limits.spacing_seconds - self.clock.monotonic())

    def seconds_from_empty(self, method: Method) -> float:
        """How long an empty bucket takes to fill up."""
        return self._burst(method) * 60 / self.limits.per_minute[method]

    def seconds_until_full(self, method: Method) -> float:
        """Seconds until the bucket is full again if no more calls are made."""
        missing = self._burst(method) - self._filled(method, self.clock.monotonic()).tokens
        return missing * 60 / self.limits.per_minute[method]

    def drain(self, method: Method, seconds_until_full: float) -> None:
        """Another sender has used this bucket: it is full in so many seconds, and never before."""
        bucket = self._filled(method, self.clock.monotonic())
        left = self._burst(method) - seconds_until_full * self.limits.per_minute[method] / 60
        bucket.tokens = min(bucket.tokens, max(0.0, left))

    def cause_of_delay(self, method: Method, seconds: float) -> Delay | None:
        """What delayed such calls in the last `seconds`; None if nothing did."""
        bucket = self._filled(method, now := self.clock.monotonic())
        until = now if bucket.unanswered_calls >= UNANSWERED_UNTIL_AWAY else bucket.troubled_until
        return bucket.why if now - until <= seconds else None

    def unanswered(self, method: Method) -> bool:
        """True if the latest such call got no answer, not even a demand for a pause."""
        bucket = self._filled(method, self.clock.monotonic())
        return bucket.unanswered_calls > 0 and bucket.why is Delay.NOT_REACHED

    def away(self, method: Method) -> bool:
        """True after a demand for a pause, or two unanswered calls in a row, until the service answers a call."""
        return self._filled(method, self.clock.monotonic()).unanswered_calls >= UNANSWERED_UNTIL_AWAY

    def _filled(self, method: Method, now: float) -> _MethodBucket:
        burst = self._burst(method)
        bucket = self._buckets.get(method)
        if bucket is None:
            bucket = self._buckets[method] = _MethodBucket(tokens=burst, filled_at=now)
        gained = (now - bucket.filled_at) * self.limits.per_minute[method] / 60
        bucket.tokens, bucket.filled_at = min(burst, bucket.tokens + gained), now
        return bucket

    def _burst(self, method: Method) -> float:
        return self.limits.per_minute[method] * BURST_MINUTES
