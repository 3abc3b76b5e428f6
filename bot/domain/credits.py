"""The credits of the GoldRush account: how many are used, how fast, and when they run out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

PACE_DAYS = 7  # whole days that the pace looks back, so that weekends count as they do in a week
FEWEST_DAYS = 2
WARN_DAYS = 7.0
WARN_AGAIN_DAYS = 9.0
"""A warning may repeat once credits would last this long again. The gap keeps a pace around 7 days quiet."""
FURTHEST_DAYS = 31.0
"""A plan's credits are for a month, so a later end says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What GoldRush says about the account. None: it does not say."""

    at: datetime
    consumed: float | None = None
    maximum: float | None = None
    flex: float | None = None
    """Shown as received: nothing says whether these are left or used."""
    by_day: Mapping[date, float] = field(default_factory=dict)
    own: float | None = None
    """Credits of the very key that the bot uses. None: GoldRush lists no key that equals it."""

    @property
    def left(self) -> float | None:
        if self.consumed is None or not self.maximum:
            return None
        return max(0.0, self.maximum - self.consumed)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsState:
    """The stored row of the account: the latest usage, and how many requests the bot itself made. By UTC days."""

    usage: Usage | None = None
    asked_at: datetime | None = None
    problem: str = ""
    """Why the latest request failed. Empty: it succeeded."""
    requests: Mapping[date, int] = field(default_factory=dict)
    counted_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCount:
    """The bot's own requests to GoldRush."""

    number: int
    since: datetime | None = None
    """None: they are those of yesterday, a whole day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsOutlook:
    """How the credits go on at the pace of the last days."""

    per_day: float | None
    """None: too few whole days are known."""
    days_left: float | None
    """Infinite if nothing is used. None: unknown."""
    runs_out: datetime | None
    """None: unknown, or not within a month."""


def credits_per_day(usage: Usage) -> float | None:
    """Credits a day over the last week of whole days. A day that the list leaves out had no use."""
    today = usage.at.date()
    first = max(min(usage.by_day, default=today), today - timedelta(days=PACE_DAYS))
    days = (today - first).days
    if days < FEWEST_DAYS:
        return None
    return sum(credits_used for day, credits_used in usage.by_day.items() if first <= day < today) / days


def outlook(usage: Usage) -> CreditsOutlook:
    per_day, left = credits_per_day(usage), usage.left
    if left is None or (per_day is None and left > 0):
        return CreditsOutlook(per_day=per_day, days_left=None, runs_out=None)
    days = 0.0 if left == 0 else left / per_day if per_day else float("inf")
    runs_out = usage.at + timedelta(days=days) if days <= FURTHEST_DAYS else None
    return CreditsOutlook(per_day=per_day, days_left=days, runs_out=runs_out)


def is_low(found: CreditsOutlook, *, was_low: bool) -> bool:
    """True from 7 days left on, until they would last 9 days again. Unknown changes nothing."""
    if found.days_left is None:
        return was_low
    return found.days_left <= WARN_DAYS or (was_low and found.days_left < WARN_AGAIN_DAYS)


def with_requests(state: CreditsState, number: int, at: datetime) -> CreditsState:
    """Counts requests on the day of `at`, and forgets days older than a week."""
    oldest = at.date() - timedelta(days=PACE_DAYS)
    requests = {day: count for day, count in state.requests.items() if day >= oldest}
    requests[at.date()] = requests.get(at.date(), 0) + number
    return replace(state, requests=requests, counted_since=state.counted_since or at)


def own_requests(state: CreditsState, at: datetime) -> RequestCount | None:
    """Of yesterday, if the bot counted all of it; else all since it began to count."""
    if state.counted_since is None:
        return None
    yesterday = at.date() - timedelta(days=1)
    if state.counted_since <= datetime.combine(yesterday, time(), UTC):
        return RequestCount(number=state.requests.get(yesterday, 0))
    return RequestCount(number=sum(state.requests.values()), since=state.counted_since)
