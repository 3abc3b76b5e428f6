"""Finds crashed tasks and unexpected errors in a bot's log. No test may cause one."""

import json
from pathlib import Path

CRASHED = ("_crashed", "_hung")
TRACEBACK = "Traceback (most recent call last)"


def crashes_in(log: Path) -> list[str]:
    """Returns one sentence per crashed task or unexpected error of this bot."""
    return [f"{log.name}: {why}" for line in log.read_text(errors="replace").split("\n") if (why := _why(line))]


def _why(line: str) -> str:
    try:
        entry = json.loads(line)
    except ValueError:  # not a log record: Python prints an uncaught exception as plain text
        return line if TRACEBACK in line else ""
    event = str(entry.get("event", "")) if isinstance(entry, dict) else ""
    if not event.endswith(CRASHED) and TRACEBACK not in line:
        return ""
    return f"{event}: {str(entry.get('exception', '')).strip().rpartition(chr(10))[2]}"
