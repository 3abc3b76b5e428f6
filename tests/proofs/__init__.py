"""Proofs that the bot loses nothing and repeats nothing, whatever fails. Each proof also has a make target."""

import os
import subprocess
import sys
from collections.abc import Mapping

from sandbox.child_processes import end_with_parent


def unmeasured() -> dict[str, str]:
    """Returns the environment without coverage: measured, a long child process takes twice as long."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def run_python(*arguments: str, **settings: str) -> tuple[int, str]:
    """Runs Python without coverage and returns its exit code and output. The child never outlives this process."""
    env: Mapping[str, str] = unmeasured() | settings
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as program:
        end_with_parent(program.pid)
        output, _ = program.communicate()
    return program.returncode, output
