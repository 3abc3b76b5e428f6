"""What the process holds from which bots are forked, so that none has to get it anew when it starts."""

import inspect
from importlib import import_module

for name in (
    "tests.proofs.sweep",  # with it `crash_points`, and what its parent ran: multiprocessing imports that in each child
    "rich.progress",
    # What the bot's libraries import only when they are used:
    "anyio._backends._asyncio",
    "apscheduler.executors.asyncio",
    "certifi",
    "httpcore",
    "slack_bolt.listener_matcher.async_builtins",
):
    import_module(name)
inspect.stack()  # Bolt asks for it as each app begins: which file each module is from is found out but once
