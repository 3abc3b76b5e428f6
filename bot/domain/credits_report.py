"""When the operator hears of the credits: weekly, and once when they are about to run out. Pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar

from bot.domain.calendar import THE_BOT
from bot.domain.setup import SetupKind, SetupRow
from bot.domain.watch import UserId

REPORT = "credits"
WEEKLY_AT = time(8)
"""On Mondays, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsReport(SetupRow):
    """The last notices. The row is the bot's own, so that each notice is written together with it, and comes once."""

    kind: ClassVar = SetupKind.CREDITS_REPORT
    is_setting: ClassVar = False
    made_by: UserId = THE_BOT
    weekly_at: datetime
    """When the last weekly notice came, or the first usage was read."""
    low: bool = False
    """The operator knows that the credits are about to run out."""

    @property
    def id(self) -> str:
        return REPORT

    @property
    def label(self) -> str:
        return REPORT

    @property
    def summary(self) -> str:
        return "low" if self.low else ""


def is_weekly_due(report: CreditsReport, now: datetime) -> bool:
    monday = now.date() - timedelta(days=now.weekday())
    due = datetime.combine(monday, WEEKLY_AT, now.tzinfo)
    if due > now:
        due -= timedelta(days=7)
    return report.weekly_at < due
