"""What a bot says of itself when something in it fell over: nothing that a test does may bring that about."""

import json
from pathlib import Path

CRASHED = ("_crashed", "_hung")
TRACEBACK = "Traceback (most recent call last)"


def tripped(log: Path) -> list[str]:
    """One sentence for each task of this bot that fell over, as is each error that it did not expect."""
    return [f"{log.name}: {why}" for line in log.read_text(errors="replace").split("\n") if (why := _why(line))]


def _why(line: str) -> str:
    try:
        entry = json.loads(line)
    except ValueError:  # not by its logger: Python itself, when there is nobody to catch it
        return line if TRACEBACK in line else ""
    event = str(entry.get("event", "")) if isinstance(entry, dict) else ""
    if not event.endswith(CRASHED) and TRACEBACK not in line:
        return ""
    return f"{event}: {str(entry.get('exception', '')).strip().rpartition(chr(10))[2]}"
