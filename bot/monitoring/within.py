"""Limits how long the bot waits for a result, by the bot's own clock."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from bot.ports.clock import Clock

T = TypeVar("T")


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`. None: it took longer, and is cancelled."""
    task, timer = asyncio.ensure_future(work), asyncio.ensure_future(clock.sleep(max(0.0, seconds)))
    try:
        await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        timer.cancel()
        task.cancel()
