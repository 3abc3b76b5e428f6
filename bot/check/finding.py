"""What `pipeline-bot check` reports about one thing."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """BAD: the bot can't do its work like this. WEAK: it works, but something is off, or can't be checked now."""

    GOOD = "good"
    WEAK = "weak"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its subject, its verdict, the details, and what to do if it is not good."""

    subject: str
    verdict: Verdict
    detail: str
    fix: str = ""
