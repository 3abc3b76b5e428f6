"""The use of the account's credits at GoldRush: `GET /platform/usage/`.

Source: https://goldrush.dev/docs/api-reference/service-keys/get-account-usage.md . It takes a ServiceKey. The members
of `by_day` and `by_api_key` are not described there; here they are a date, a key's label, and credits.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

PATH = "/platform/usage/"
DURATIONS = ("1", "3", "6", "12")
DAYS_PER_MONTH = 30


@dataclass(slots=True, kw_only=True)
class AccountUsage:
    """`per_day` credits are used each day, a little less at weekends."""

    max_credits: int = 300_000
    flex_credits: int = 0
    per_day: int = 6_000
    consumed: int = 150_000

    @property
    def is_over_limit(self) -> bool:
        return self.consumed >= self.max_credits

    def answer(self, now: datetime, months: int) -> dict[str, Any]:
        days = [now - timedelta(days=back) for back in range(DAYS_PER_MONTH * months - 1, -1, -1)]
        return {
            "aggregate": {
                "credits_consumed": self.consumed,
                "max_credits": self.max_credits,
                "flex_credits": self.flex_credits,
            },
            "by_day": [{"date": f"{day:%Y-%m-%d}", "credits_consumed": self._on(day, now)} for day in days],
            "by_api_key": [{"name": "indexer", "api_key": "cqt_…b3f9", "credits_consumed": self.consumed}],
        }

    def _on(self, day: datetime, now: datetime) -> int:
        whole = self.per_day * 4 // 5 if day.weekday() >= 5 else self.per_day
        return whole * (now.hour * 60 + now.minute) // 1440 if day.date() == now.date() else whole
