"""Proofs that nothing is lost and nothing said twice, whatever breaks. Each is a make target of its own as well."""

import os
import subprocess
import sys
from collections.abc import Mapping

from sandbox.child_processes import end_with_parent


def unmeasured() -> dict[str, str]:
    """The environment for what runs long in processes of its own: coverage would make it twice as long."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def run_python(*arguments: str, **settings: str) -> tuple[int, str]:
    """Runs a program of ours to its end, unmeasured, and says what it exited with and printed. It never outlives us."""
    env: Mapping[str, str] = unmeasured() | settings
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as program:
        end_with_parent(program.pid)
        said, _ = program.communicate()
    return program.returncode, said
