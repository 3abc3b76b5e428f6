"""Kills child processes when this process ends for any reason, such as kill -9 or a closed terminal.

A watcher process reads a pipe from us. When the pipe closes, the watcher kills the listed processes. It compares their
start times too, because the system reuses process ids.
"""

import atexit
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_watchers: dict[int, "subprocess.Popen[bytes]"] = {}
"""By the id of the parent, because a forked process needs its own watcher."""


def end_with_parent(pid: int) -> None:
    """The process won't outlive ours. Call this right after its start."""
    watcher = _watchers.get(os.getpid()) or _watch()
    assert watcher.stdin is not None  # noqa: S101 (it is a pipe)
    watcher.stdin.write(f"{pid} {_start_of(pid)}\n".encode())
    watcher.stdin.flush()


def _watch() -> "subprocess.Popen[bytes]":
    """The watcher has its own session, so Ctrl-C does not reach it."""
    watcher = subprocess.Popen(  # noqa: S603 (this very file)
        [sys.executable, "-I", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _watchers[os.getpid()] = watcher
    atexit.register(_let_go, watcher)
    return watcher


def _let_go(watcher: "subprocess.Popen[bytes]") -> None:
    if _watchers.get(os.getpid()) is watcher:
        with watcher:  # closes the pipe, and waits
            pass


def _start_of(pid: int) -> str:
    """The system's start time of the process; empty if it has ended."""
    stat = Path(f"/proc/{pid}/stat")
    with suppress(OSError):
        return stat.read_text().rpartition(")")[2].split()[19]
    if Path("/proc/self").exists():
        return ""
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (a number is all that varies)
    return result.stdout.strip()


def main() -> None:
    held = [line.strip().partition(" ")[::2] for line in sys.stdin]
    for pid, start in held:
        if start and _start_of(int(pid)) == start:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


if __name__ == "__main__":
    main()
