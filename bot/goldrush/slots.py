"""A semaphore that can also be asked without waiting, which asyncio's can't."""

import asyncio
from collections import deque


class Slots:
    """Limits what runs at once. Those who wait get the slots in the order in which they came."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        return self._free

    def try_take(self) -> bool:
        """Takes a slot if one is free."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Takes the next slot that becomes free."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it got a slot at the same moment
                self.release()
            raise

    def release(self) -> None:
        """Gives a slot back, or to the first one that waits."""
        while self._waiting and self._waiting[0].cancelled():
            self._waiting.popleft()
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._free += 1
