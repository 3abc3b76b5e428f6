"""Names why a Redis refuses commands for a while. Its codes and texts: `src/server.c` of Redis and of Valkey."""

import re

from bot.store.problem import Problem, Weight


def _waits(subject: str, text: str, fix: str) -> Problem:
    return Problem(subject, Weight.WAITS, text, fix)


# redis-py cuts the code off some errors, so the text of each counts too.
_REFUSALS = (
    (
        r"READONLY|read only replica",
        _waits("Store", "this server is a read-only replica", "set REDIS_URL to the address of the primary"),
    ),
    (
        r"\bOOM\b|used memory > 'maxmemory'",
        _waits(
            "Store memory", "Redis is out of memory and refuses writes", "give Redis more memory, or raise maxmemory"
        ),
    ),
    (
        r"MISCONF",
        _waits(
            "Store disk",
            "Redis can't write to its disk, so it refuses writes",
            "free space there, and read the log of Redis",
        ),
    ),
    (
        r"NOREPLICAS",
        _waits(
            "Store replicas",
            "Redis has fewer replicas than its min-replicas-to-write, so it refuses writes",
            "start the replicas, or lower min-replicas-to-write",
        ),
    ),
    (
        r"MASTERDOWN|Link with MASTER is down",
        _waits(
            "Store",
            "this server is a replica without a connection to its primary",
            "set REDIS_URL to the address of the primary",
        ),
    ),
    (r"LOADING|loading the dataset", _waits("Store", "Redis is still loading its data", "wait until it has finished")),
    (
        r"\bBUSY\b",
        _waits(
            "Store", "a script of another program blocks Redis", "wait for it, or end it with `redis-cli SCRIPT KILL`"
        ),
    ),
    (
        r"max number of clients",
        _waits(
            "Store connections", "Redis has no free connection", "raise its maxclients, or close connections of others"
        ),
    ),
)


def temporary_refusal(text: str) -> Problem | None:
    """The obstacle that makes Redis answer with this error; None if waiting does not help."""
    return next((problem for pattern, problem in _REFUSALS if re.search(pattern, text)), None)
