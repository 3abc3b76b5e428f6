"""Imports everything once into the server process from which the bots are forked, so that they start fast."""

import inspect
from importlib import import_module

for name in (
    "tests.proofs.sweep",  # also `crash_points` and the parent's main module, which multiprocessing imports in a child
    "rich.progress",
    # The bot's libraries import these on first use:
    "anyio._backends._asyncio",
    "apscheduler.executors.asyncio",
    "certifi",
    "httpcore",
    "slack_bolt.listener_matcher.async_builtins",
):
    import_module(name)
inspect.stack()  # Bolt calls it in each new app; the first call fills the cache of module files
