"""Chooses the event loop of the service tests: `--shuffle SEED` runs ready tasks in a random order."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.shuffled_loop import ShuffledLoop


def pytest_asyncio_loop_factories(config: pytest.Config) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    seed: int | None = config.getoption("--shuffle")
    return {"asyncio": asyncio.SelectorEventLoop if seed is None else lambda: ShuffledLoop(seed)}
