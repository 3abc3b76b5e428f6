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
    """`spacing_seconds` separates two posts to one receiver. No call lasts longer than `call_seconds`.

    A lane's lease has to outlast a call: see `LEASE_SECONDS` of the store.
    """

    per_minute: Mapping[Method, int]
    spacing_seconds: float
    call_seconds: float
