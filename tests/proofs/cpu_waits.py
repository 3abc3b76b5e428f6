"""How long processes wait for a CPU. A busy machine makes a bot late, and that breaks no promise."""

from collections.abc import Iterable
from pathlib import Path

NANOSECOND = 1e-9


class CpuWaits:
    """Reads `/proc/PID/schedstat`: the time on a CPU, the time of waiting for one, and the number of turns."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._seconds: dict[int, float] = {}
        """By process, in all."""

    def since_last(self, pids: Iterable[int]) -> float:
        """Adds up the seconds for which these processes have waited since the last call. A new one counts in full.

        Processes that have ended, and systems without these figures, count as nothing.
        """
        before, self._seconds = self._seconds, {pid: self._waited(pid) for pid in pids}
        return sum(max(0.0, seconds - before.get(pid, 0.0)) for pid, seconds in self._seconds.items())

    def _waited(self, pid: int) -> float:
        try:
            return int((self._proc / str(pid) / "schedstat").read_text().split()[1]) * NANOSECOND
        except (OSError, IndexError):
            return 0.0
