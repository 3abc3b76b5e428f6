"""How fast Slack may be spoken to. Source: https://docs.slack.dev/apis/web-api/rate-limits"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.delivery.claims import CLAIM_SECONDS, Claims, Rank
from bot.domain.delivery import Delay, Lane, Priority, Receiver
from bot.ports.clock import Clock

URGENT = frozenset({Priority.PAGE, Priority.FAILURE})
RESERVED_SHARE = 0.2  # of each bucket: a page finds room however busy the rest is
UNANSWERED_UNTIL_AWAY = 2  # one call without an answer says little of the next
LONGEST_PAUSE_SECONDS = 15.0
CALL_SECONDS = 6.0  # a call to Slack, at its longest
POST_SPACING_SECONDS = 1.0  # "1 message per second per channel"; bursts are allowed but not promised, so none is used


class Method(StrEnum):
    """The calls that each have a limit of their own in a workspace."""

    POST = "post"
    UPDATE = "update"
    HISTORY = "history"


PER_MINUTE: Mapping[Method, int] = {
    Method.POST: 240,  # "several hundred messages per minute" for the whole workspace
    Method.UPDATE: 50,
    Method.HISTORY: 50,
}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float
    throttled_until: float = 0.0
    """As Slack asked."""
    unanswered_calls: int = 0
    """How many calls in a row had no answer, or a 429."""
    trial_until: float = 0.0
    troubled_until: float = float("-inf")
    why: Delay = Delay.NOT_REACHED


@dataclass(slots=True)
class RateLimiter:
    """Answers how long to wait, and takes note of what was sent. Seconds on the monotonic clock."""

    clock: Clock
    per_minute: Mapping[Method, int] = field(default_factory=lambda: dict(PER_MINUTE))
    _buckets: dict[Method, _Bucket] = field(default_factory=dict)
    _posted_at: dict[Receiver, float] = field(default_factory=dict)
    """When a message was taken up last; a moment later it is on its way, and in `_sent_at`."""
    _sent_at: dict[Receiver, float] = field(default_factory=dict)
    _claimed_until: dict[Receiver, float] = field(default_factory=dict)
    claims: Claims = field(init=False)

    def __post_init__(self) -> None:
        self.claims = Claims(self.clock)

    def wait(self, receiver: Receiver, method: Method, priority: Priority) -> float:
        """Seconds until this call may be made; 0 when it may be made now."""
        now = self.clock.monotonic()
        bucket = self._filled(method, now)
        needed = 1.0 if priority in URGENT else 1.0 + RESERVED_SHARE * self._burst(method)
        missing = max(0.0, needed - bucket.tokens) * 60 / self.per_minute[method]
        spacing = 0.0
        if method is Method.POST and receiver in self._posted_at:
            spacing = self._posted_at[receiver] + POST_SPACING_SECONDS - now
        if method is Method.POST and priority not in URGENT:
            spacing = max(spacing, self._claimed_until.get(receiver, now) - now)
        return max(0.0, missing, spacing, bucket.throttled_until - now, bucket.trial_until - now)

    def turn(self, lane: Lane, method: Method, rank: Rank) -> float:
        """As `wait`, and seconds for which this lane lets a more urgent one go first. While Slack is away one call is
        made at a time: it is that of the first in rank. Else each lane goes its own way, but for the feed of a channel,
        which lets the pages of that channel go first."""
        pause = self.wait(lane.receiver, method, rank.priority)
        if self.away(method):
            return max(pause, self.claims.before(lane, method, rank))
        return pause

    def claim(self, receiver: Receiver) -> None:
        """Something urgent waits for this channel: whatever is not gives way, until a moment after the last claim."""
        self._claimed_until[receiver] = self.clock.monotonic() + CLAIM_SECONDS

    def took(self, receiver: Receiver, method: Method) -> None:
        now = self.clock.monotonic()
        bucket = self._filled(method, now)
        bucket.tokens -= 1.0
        if bucket.unanswered_calls >= UNANSWERED_UNTIL_AWAY:
            bucket.trial_until = now + CALL_SECONDS  # one call goes first: the others wait for what becomes of it
        if method is Method.POST:
            self._posted_at[receiver] = now

    def throttle(self, method: Method, seconds: float) -> None:
        """Slack answered 429: it counts for this method in the whole workspace."""
        now = self.clock.monotonic()
        bucket = self._filled(method, now)
        bucket.throttled_until = max(bucket.throttled_until, now + seconds)
        bucket.unanswered_calls = max(bucket.unanswered_calls + 1, UNANSWERED_UNTIL_AWAY)
        bucket.troubled_until, bucket.why = bucket.throttled_until, Delay.RATE_LIMITED

    def lost(self, method: Method) -> None:
        """No answer came: after several in a row Slack is away, and tried by one call at a time, ever more seldom."""
        now = self.clock.monotonic()
        bucket = self._filled(method, now)
        bucket.unanswered_calls += 1
        bucket.troubled_until, bucket.why = now, Delay.NOT_REACHED
        if bucket.unanswered_calls >= UNANSWERED_UNTIL_AWAY:
            bucket.trial_until = now + min(
                2.0 ** min(bucket.unanswered_calls - UNANSWERED_UNTIL_AWAY, 10), LONGEST_PAUSE_SECONDS
            )

    def answered(self, method: Method) -> None:
        bucket = self._filled(method, now := self.clock.monotonic())
        if bucket.unanswered_calls >= UNANSWERED_UNTIL_AWAY:
            bucket.troubled_until = now
        bucket.unanswered_calls, bucket.trial_until = 0, 0.0

    def barred(self, receiver: Receiver, method: Method) -> float:
        """Seconds for which a call that was taken already must not be made after all: since then Slack has said 429, or
        something else went out."""
        now = self.clock.monotonic()
        spacing = self._sent_at.get(receiver, float("-inf")) + POST_SPACING_SECONDS - now
        return max(0.0, self._filled(method, now).throttled_until - now, spacing if method is Method.POST else 0.0)

    def sends(self, receiver: Receiver, method: Method) -> None:
        if method is Method.POST:
            self._sent_at[receiver] = self._posted_at[receiver] = self.clock.monotonic()

    def kept_back(self, method: Method, seconds: float) -> Delay | None:
        """What kept such calls back in the last `seconds`, if anything did."""
        bucket = self._filled(method, now := self.clock.monotonic())
        until = now if bucket.unanswered_calls >= UNANSWERED_UNTIL_AWAY else bucket.troubled_until
        return bucket.why if now - until <= seconds else None

    def unanswered(self, method: Method) -> bool:
        """The latest such call had no answer, not even a 429."""
        bucket = self._filled(method, self.clock.monotonic())
        return bucket.unanswered_calls > 0 and bucket.why is Delay.NOT_REACHED

    def away(self, method: Method) -> bool:
        """Slack does not take such calls now, or has not been seen to since it did not."""
        return self._filled(method, self.clock.monotonic()).unanswered_calls >= UNANSWERED_UNTIL_AWAY

    def _filled(self, method: Method, now: float) -> _Bucket:
        burst = self._burst(method)
        bucket = self._buckets.setdefault(method, _Bucket(tokens=burst, filled_at=now))
        gained = (now - bucket.filled_at) * self.per_minute[method] / 60
        bucket.tokens, bucket.filled_at = min(burst, bucket.tokens + gained), now
        return bucket

    def _burst(self, method: Method) -> float:
        return self.per_minute[method] / 3
