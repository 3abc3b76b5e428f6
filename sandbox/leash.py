"""Ends the processes that this one started if it is killed (kill -9) or its terminal closes.

A watcher holds one end of a pipe. Once the other end is closed, however this process ended, the watcher kills what it
was told of. It tells processes apart by their start, since the system gives an id to one process after the other.
"""

import atexit
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_watchers: dict[int, "subprocess.Popen[bytes]"] = {}
"""By the id of the process that started it: a forked process has a watcher of its own."""


def hold(pid: int) -> None:
    """From now on this process does not outlive ours. To be called right after it was started."""
    watcher = _watchers.get(os.getpid()) or _watch()
    assert watcher.stdin is not None  # noqa: S101 (it is a pipe)
    watcher.stdin.write(f"{pid} {_start_of(pid)}\n".encode())
    watcher.stdin.flush()


def _watch() -> "subprocess.Popen[bytes]":
    """In a session of its own: Ctrl-C is not for it."""
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
    """When it began, as the system counts; empty where it has ended."""
    stat = Path(f"/proc/{pid}/stat")
    with suppress(OSError):
        return stat.read_text().rpartition(")")[2].split()[19]
    if Path("/proc/self").exists():
        return ""
    asked = ["ps", "-o", "lstart=", "-p", str(pid)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 (a number is all that varies)
    return told.stdout.strip()


def main() -> None:
    held = [line.strip().partition(" ")[::2] for line in sys.stdin]
    for pid, start in held:
        if start and _start_of(int(pid)) == start:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


if __name__ == "__main__":
    main()
