"""How fast Slack may be spoken to. Source: https://docs.slack.dev/apis/web-api/rate-limits"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.delivery import Priority
from bot.domain.watch import ChannelId
from bot.ports import Clock

URGENT = frozenset({Priority.PAGE, Priority.FAILURE})
RESERVED_SHARE = 0.2  # of each bucket: a page finds room however busy the rest is
POST_SPACING_SECONDS = 1.0  # "1 message per second per channel"; bursts are allowed but not promised, so none is used


class Method(StrEnum):
    """The methods that have a limit of their own in a workspace."""

    POST = "chat.postMessage"
    UPDATE = "chat.update"
    HISTORY = "conversations.history"


PER_MINUTE: Mapping[Method, int] = {
    Method.POST: 240,  # "several hundred messages per minute" for the whole workspace
    Method.UPDATE: 50,
    Method.HISTORY: 50,
}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float
    held_until: float = 0.0


@dataclass(slots=True)
class Pace:
    """Answers how long to wait, and takes note of what was sent. Seconds on the monotonic clock."""

    clock: Clock
    per_minute: Mapping[Method, int] = field(default_factory=lambda: dict(PER_MINUTE))
    _buckets: dict[Method, _Bucket] = field(default_factory=dict)
    _posted_at: dict[ChannelId, float] = field(default_factory=dict)

    def wait(self, channel: ChannelId, method: Method, priority: Priority) -> float:
        """Seconds until this call may be made; 0 when it may be made now."""
        now = self.clock.monotonic()
        bucket = self._filled(method, now)
        needed = 1.0 if priority in URGENT else 1.0 + RESERVED_SHARE * self._burst(method)
        missing = max(0.0, needed - bucket.tokens) * 60 / self.per_minute[method]
        spacing = 0.0
        if method is Method.POST and channel in self._posted_at:
            spacing = self._posted_at[channel] + POST_SPACING_SECONDS - now
        return max(0.0, missing, spacing, bucket.held_until - now)

    def took(self, channel: ChannelId, method: Method) -> None:
        now = self.clock.monotonic()
        self._filled(method, now).tokens -= 1.0
        if method is Method.POST:
            self._posted_at[channel] = now

    def hold(self, method: Method, seconds: float) -> None:
        """Slack answered 429: it counts for this method in the whole workspace."""
        now = self.clock.monotonic()
        bucket = self._filled(method, now)
        bucket.held_until = max(bucket.held_until, now + seconds)

    def _filled(self, method: Method, now: float) -> _Bucket:
        burst = self._burst(method)
        bucket = self._buckets.setdefault(method, _Bucket(tokens=burst, filled_at=now))
        gained = (now - bucket.filled_at) * self.per_minute[method] / 60
        bucket.tokens, bucket.filled_at = min(burst, bucket.tokens + gained), now
        return bucket

    def _burst(self, method: Method) -> float:
        return self.per_minute[method] / 3
