"""How fast one kind of receiver may be called."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """The calls that count separately, each for all receivers of a kind together."""

    POST = "post"
    UPDATE = "update"
    HISTORY = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """The pace of calls to one kind of receiver."""

    per_minute: Mapping[Method, int]
    """The most calls of each method, to all receivers of the kind together."""
    spacing_seconds: float
    """The least time between two posts to one receiver."""
    call_seconds: float
    """The deadline of one call. A lane's lease has to outlast it: see `LEASE_SECONDS` of the store."""
