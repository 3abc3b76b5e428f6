"""What can go wrong between the bot and Slack, on demand."""

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    ERROR = "error"
    """`{"ok": false, "error": ...}`: any of Slack's codes."""
    SERVER_ERROR = "server_error"
    """HTTP 500 with a page for a body."""
    UNAVAILABLE = "unavailable"
    """HTTP 503 with a page for a body."""
    RESET = "reset"
    """The connection is reset instead of an answer."""
    THROTTLED = "throttled"
    """HTTP 429, with or without Retry-After."""
    HANG = "hang"
    """No answer ever."""
    SLOW = "slow"
    """The answer comes after `seconds`."""
    LAND_LATE = "land_late"
    """No answer ever, and the call takes effect `seconds` later."""
    NO_TS = "no_ts"
    """An answer without the `ts` it should carry."""
    TRUNCATED = "truncated"
    """A body shorter than its Content-Length."""
    STRIP_METADATA = "strip_metadata"
    """The message lands without its metadata."""
    STALE = "stale"
    """conversations.history and .replies do not know yet what was posted in the last `seconds`."""


class Moment(StrEnum):
    """When a fault strikes: before the call took effect, or after it did."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(slots=True, kw_only=True)
class Fault:
    kind: FaultKind
    when: Moment = Moment.BEFORE
    error: str = "internal_error"
    seconds: float = 1.0
    retry_after: int | str | None = 1
    """As it stands in the header: seconds, nonsense, an HTTP date (`date+30`: in 30 s); None for no header."""
    times: int | None = None
    """How often it still strikes; None for always."""


class Faults:
    """At most one fault a method; `*` stands for all methods that have none of their own."""

    def __init__(self) -> None:
        self._by_method: dict[str, Fault] = {}

    def set(self, method: str, fault: Fault | None) -> None:
        if fault is None:
            self._by_method.pop(method, None)
        else:
            self._by_method[method] = fault

    def clear(self) -> None:
        self._by_method.clear()

    def take(self, method: str) -> Fault | None:
        name = method if method in self._by_method else "*"
        fault = self._by_method.get(name)
        if fault is not None and fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                del self._by_method[name]
        return fault

    def active(self) -> dict[str, Fault]:
        return dict(self._by_method)
