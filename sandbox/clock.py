"""The sandbox's only source of time."""

import time


class Clock:
    """Real time, and how far it has been moved ahead. A test passes a subclass that it can set."""

    _ahead = 0.0

    def now(self) -> float:
        """Wall time, in seconds since 1970."""
        return time.time() + self._ahead  # noqa: TID251  the sandbox's one place for wall time

    def monotonic(self) -> float:
        return time.monotonic()

    def jump(self, seconds: float) -> None:
        self._ahead += seconds
