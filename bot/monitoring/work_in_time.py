"""Runs the same work for many pipelines, so that no other job waits long."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice

from bot.domain.observation import PipelineId
from bot.ports.clock import Clock

AT_ONCE = 8


async def work_in_time(
    work: Callable[[PipelineId], Awaitable[None]], pipeline_ids: Iterable[PipelineId], clock: Clock, seconds: float
) -> None:
    """A few pipelines at once, in this order. After `seconds`, it begins no more of them: a later call does the rest.

    Raises:
        Exception: the first problem, at the end: one pipeline keeps no other from its turn.
    """
    problems: list[BaseException] = []
    left, until = iter(pipeline_ids), clock.monotonic() + seconds
    while (batch := [*islice(left, AT_ONCE)]) and clock.monotonic() <= until:
        results = await asyncio.gather(*map(work, batch), return_exceptions=True)
        problems += [one for one in results if isinstance(one, BaseException)]
    if problems:
        raise problems[0]
