"""How much of a pipeline's past is kept."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLimits:
    """Whichever is less: transitions older than `age` go, and so do all but the newest `transitions`."""

    age: timedelta = timedelta(days=90)
    transitions: int = 500
