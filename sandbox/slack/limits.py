"""Slack's rate limits: tiers per method, `chat.postMessage` by channel and by workspace.

https://docs.slack.dev/apis/web-api/rate-limits . Slack promises "at least" a tier's figure and allows bursts of
unstated size; here the figure is the limit and a minute's quota the burst.
"""

import math
from dataclasses import dataclass, field
from enum import IntEnum

from sandbox.clock import Clock


class Tier(IntEnum):
    """Calls per minute."""

    T1 = 1
    T2 = 20
    T3 = 50
    T4 = 100


TIERS = {
    "api.test": Tier.T4,
    "auth.test": Tier.T4,
    "bots.info": Tier.T3,
    "apps.connections.open": Tier.T1,
    "chat.update": Tier.T3,
    "chat.delete": Tier.T3,
    "chat.postEphemeral": Tier.T4,
    "chat.getPermalink": Tier.T4,
    "chat.scheduleMessage": Tier.T3,
    "chat.deleteScheduledMessage": Tier.T3,
    "chat.scheduledMessages.list": Tier.T3,
    "conversations.history": Tier.T3,
    "conversations.replies": Tier.T3,
    "conversations.info": Tier.T3,
    "conversations.list": Tier.T2,
    "conversations.open": Tier.T3,
    "conversations.join": Tier.T3,
    "conversations.members": Tier.T4,
    "users.conversations": Tier.T2,
    "users.info": Tier.T4,
    "users.list": Tier.T2,
    "users.lookupByEmail": Tier.T3,
    "usergroups.list": Tier.T2,
    "usergroups.users.list": Tier.T2,
    "usergroups.users.update": Tier.T2,
    "canvases.create": Tier.T2,
    "views.open": Tier.T4,
    "views.push": Tier.T4,
    "views.update": Tier.T4,
    "views.publish": Tier.T4,
}


@dataclass(slots=True)
class Bucket:
    """Refills steadily, up to `burst`."""

    per_second: float
    burst: float
    at: float
    tokens: float = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def refill(self, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.per_second)
        self.at = now

    def missing(self) -> float:
        """Seconds until a call may pass."""
        return max(0.0, (1.0 - self.tokens) / self.per_second)


class Limits:
    """The limits of one app in one workspace. Each method or channel has a bucket."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}
        self.enabled = True
        self.per_minute: dict[str, float] = {method: float(tier) for method, tier in TIERS.items()}
        self.burst: dict[str, float] = {"apps.connections.open": 10.0}
        """Bursts that differ from a minute's quota. An app may hold ten sockets, so it may open ten at once."""
        self.posts_per_second_per_channel = 1.0
        self.posts_burst_per_channel = 3.0
        self.posts_per_minute = 300.0
        self.history_page = 999
        """The most messages that one call of conversations.history or .replies returns."""

    def outside_marketplace(self) -> None:
        """The worst tier for reading: one call a minute, fifteen objects.

        https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
        """
        for method in ("conversations.history", "conversations.replies"):
            self.per_minute[method] = 1.0
            self._buckets.pop(method, None)
        self.history_page = 15

    def take(self, method: str, channel: str | None) -> int | None:
        """None if the call may pass, or else its `Retry-After`. A refused call does not count."""
        if not self.enabled:
            return None
        now = self._clock.monotonic()
        buckets = self._posting(channel, now) if method == "chat.postMessage" else self._tier(method, now)
        for bucket in buckets:
            bucket.refill(now)
        wait = max((bucket.missing() for bucket in buckets), default=0.0)
        if wait > 0:
            return max(1, math.ceil(wait))
        for bucket in buckets:
            bucket.tokens -= 1
        return None

    def _tier(self, method: str, now: float) -> list[Bucket]:
        quota = self.per_minute.get(method)
        if quota is None:
            return []
        return [self._bucket(method, quota / 60, self.burst.get(method, quota), now)]

    def _posting(self, channel: str | None, now: float) -> list[Bucket]:
        workspace = self._bucket("posts", self.posts_per_minute / 60, self.posts_per_minute, now)
        if channel is None:
            return [workspace]
        rate, burst = self.posts_per_second_per_channel, self.posts_burst_per_channel
        return [workspace, self._bucket(f"posts:{channel}", rate, burst, now)]

    def _bucket(self, name: str, per_second: float, burst: float, now: float) -> Bucket:
        bucket = self._buckets.get(name)
        if bucket is None or (bucket.per_second, bucket.burst) != (per_second, burst):
            bucket = self._buckets[name] = Bucket(per_second, burst, now)
        return bucket
