"""Faults of Slack's Web API, on demand."""

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    ERROR = "error"
    """`{"ok": false, "error": ...}`: any of Slack's codes."""
    SERVER_ERROR = "server_error"
    """HTTP 500 with an HTML page."""
    UNAVAILABLE = "unavailable"
    """HTTP 503 with an HTML page."""
    RESET = "reset"
    """The connection is reset instead of an answer."""
    THROTTLED = "throttled"
    """HTTP 429, with or without Retry-After."""
    HANG = "hang"
    """No answer."""
    SLOW = "slow"
    """The answer comes after `seconds`."""
    LAND_LATE = "land_late"
    """No answer, and the call takes effect `seconds` later."""
    NO_TS = "no_ts"
    """An answer without the `ts` it should carry."""
    TRUNCATED = "truncated"
    """A body shorter than its Content-Length."""
    STRIP_METADATA = "strip_metadata"
    """Slack stores the message without its metadata."""
    STALE = "stale"
    """conversations.history and .replies lack the messages of the last `seconds`."""


class Moment(StrEnum):
    """The fault applies before or after the call takes effect."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(slots=True, kw_only=True)
class Fault:
    kind: FaultKind
    when: Moment = Moment.BEFORE
    error: str = "internal_error"
    seconds: float = 1.0
    retry_after: int | str | None = 1
    """The header's value: seconds, nonsense, or an HTTP date (`date+30`: in 30 s). None means no header."""
    times: int | None = None
    """The number of calls it still affects; None means all."""


class Faults:
    """One fault per method. `*` applies to methods without their own."""

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
