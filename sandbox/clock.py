"""The sandbox's only source of time."""

import time


class Clock:
    """Real time. A test passes a subclass that it can set."""

    def now(self) -> float:
        """Wall time, in seconds since 1970."""
        return time.time()  # noqa: TID251  the sandbox's one place for wall time

    def monotonic(self) -> float:
        return time.monotonic()
