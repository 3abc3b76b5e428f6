"""Deadlines of equal length for many tasks, with one timer for all of them."""

import asyncio
from types import TracebackType
from typing import Protocol


class Expiring(Protocol):
    """Something with a deadline."""

    def expire(self) -> None:
        """Its time is up."""
        ...


class Deadlines:
    """`with deadlines.limit():` is `async with asyncio.timeout(seconds):`, but does not cost each read a timer.

    What has no task calls `begin` and `end`. All deadlines have the same length. So the first one that began is the
    first to pass.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: dict[Expiring, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop
        """Kept while the timer runs: asking for it costs a system call in Python 3.11."""

    def limit(self) -> "_Deadline":
        """Cancels the block when its time is up.

        Raises:
            TimeoutError: the block took too long.
        """
        return _Deadline(self)

    def begin(self, deadline: Expiring) -> None:
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_at(self._loop.time() + self._seconds, self._expire)
        self._running[deadline] = self._loop.time() + self._seconds

    def end(self, deadline: Expiring) -> None:
        self._running.pop(deadline, None)

    def _expire(self) -> None:
        self._timer = None
        while self._running:
            deadline, at = next(iter(self._running.items()))
            if at > self._loop.time():
                self._timer = self._loop.call_at(at, self._expire)
                return
            del self._running[deadline]
            deadline.expire()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


class _Deadline:
    __slots__ = ("_cancelling", "_deadlines", "_expired", "_task")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._expired = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (only tasks read)
        self._task, self._cancelling = task, task.cancelling()
        self._deadlines.begin(self)

    def expire(self) -> None:
        self._expired = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._deadlines.end(self)
        # As in asyncio.timeout: somebody else may have cancelled the task too, and that must go on.
        if self._expired and self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error
