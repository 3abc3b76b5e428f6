"""An event loop that runs ready tasks in random order and delays some of them by a few turns."""

import asyncio
import random
from collections import deque
from types import BuiltinMethodType

HELD_BACK = 0.2  # of the ready tasks; imitates a library release with an extra await


class ShuffledLoop(asyncio.SelectorEventLoop):
    """Reorders only steps of tasks. Transports rely on the order of their callbacks, which the loop guarantees."""

    _ready: deque[asyncio.Handle]

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.chance = random.Random(seed)  # noqa: S311 (a shuffle that can be repeated)

    def _run_once(self) -> None:
        ready = list(self._ready)
        places = [place for place, handle in enumerate(ready) if _is_step(handle)]
        steps = [self._perhaps_later(ready[place]) for place in self.chance.sample(places, len(places))]
        for place, handle in zip(places, steps, strict=True):
            ready[place] = handle
        self._ready.clear()
        self._ready.extend(ready)
        super()._run_once()  # type: ignore[misc]

    def _perhaps_later(self, handle: asyncio.Handle) -> asyncio.Handle:
        if self.chance.random() >= HELD_BACK:
            return handle
        return asyncio.Handle(self._ready.append, (handle,), self)


def _is_step(handle: asyncio.Handle) -> bool:
    """True if the handle starts or resumes a task; Task in C gives two kinds of callback for that."""
    callback = handle._callback  # type: ignore[attr-defined]
    if type(callback).__name__ == "TaskStepMethWrapper":
        return True
    return isinstance(callback, BuiltinMethodType) and isinstance(callback.__self__, asyncio.Task)
