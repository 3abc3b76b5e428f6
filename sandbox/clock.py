"""The sandbox's only source of time."""

import time


class Clock:
    """Real time; a test hands in a subclass whose hands it turns itself."""

    def now(self) -> float:
        """Wall time, in seconds since 1970."""
        return time.time()  # noqa: TID251  the sandbox's one place for wall time

    def monotonic(self) -> float:
        return time.monotonic()
