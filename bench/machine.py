"""The machine's load, and what processes cost: CPU seconds and memory from /proc (Linux)."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PROCESSES = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds since the process started, and resident memory in bytes."""

    cpu_seconds: float
    rss: int


def cost(pid: int) -> Cost:
    """What a process used so far, with all its threads and without its children.

    Raises:
        OSError: the process has ended, or the system has no /proc.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Cost((int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND, pages * os.sysconf("SC_PAGE_SIZE"))


def load() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]


def busy_seconds() -> float:
    """CPU seconds that all processes of the machine used since it started."""
    user, nice, system, _idle, _iowait, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS_PER_SECOND


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Runs `count` processes that never wait."""
    spinning = [PROCESSES.Process(target=_spin, daemon=True) for _ in range(count)]
    for process in spinning:
        process.start()
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.join()


def _spin() -> None:
    while True:
        pass
