"""Walks over many pipelines for an answer, with turns for everything else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")
AT_ONCE = 5000
"""About 10 ms of CPU. Reads, alerts and acknowledgements run in between."""


async def parts_of(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """The items in parts. A short sequence is one part, which gives up no turn."""
    for first in range(0, len(items), AT_ONCE):
        if first:
            await asyncio.sleep(0)
        yield items[first : first + AT_ONCE]
