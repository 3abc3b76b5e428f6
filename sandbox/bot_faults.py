"""Faults of the bot itself: its process freezes or dies, or its wall clock is wrong."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from sandbox.wall_clock import ClockOffset

FROZEN_SECONDS = 10.0


class BotFaultKind(StrEnum):
    FROZEN = "frozen"
    """SIGSTOP for `seconds`, as if the machine were overloaded or moved. The monotonic clock keeps running."""
    KILLED = "killed"
    """SIGKILL. The bot stays down for `seconds`, or until the fault is fixed."""


class ClockFaultKind(StrEnum):
    OFF = "off"
    """The bot's wall clock is `seconds` ahead, or behind if negative. All other clocks stay right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveFault:
    kind: BotFaultKind | ClockFaultKind
    seconds: float | None


class BotProcess:
    """The bot's process and its faults.

    The demo restarts the process after it ends: see `ended`, `fixed` and `started_again`.
    """

    def __init__(self, process: asyncio.subprocess.Process, clock_offset: ClockOffset) -> None:
        self.process = process
        self.clock_offset = clock_offset
        self.starts = 1
        self.last_end: str | None = None
        """How the process last ended, as people say it."""
        self.killed = False
        """Killed by a fault, and not restarted yet."""
        self.on_change: Callable[[], None] = lambda: None
        self._fault: ActiveFault | None = None
        self._fixing: asyncio.TimerHandle | None = None
        self._well = asyncio.Event()
        self._well.set()

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    def active_faults(self) -> list[ActiveFault]:
        ahead = self.clock_offset.seconds
        return [
            *([self._fault] if self._fault is not None else []),
            *([ActiveFault(kind=ClockFaultKind.OFF, seconds=ahead)] if ahead else []),
        ]

    def freeze(self, seconds: float | None = None) -> None:
        self._apply(ActiveFault(kind=BotFaultKind.FROZEN, seconds=FROZEN_SECONDS if seconds is None else seconds))

    def kill(self, seconds: float | None = None) -> None:
        self.killed = True
        self._apply(ActiveFault(kind=BotFaultKind.KILLED, seconds=seconds))

    def fix(self) -> None:
        """A frozen process continues; a killed one may be restarted."""
        self._set_fault(None)
        self._signal(signal.SIGCONT)

    def set_clock(self, seconds: float) -> None:
        """`seconds` ahead of the right time; 0 is the right time."""
        self.clock_offset.turn_to(seconds)
        self.on_change()

    async def ended(self) -> None:
        """Waits until the process has ended, for any reason."""
        self.last_end = _ending(await self.process.wait())
        self.on_change()

    async def fixed(self) -> None:
        """Waits until the demo may restart the process."""
        await self._well.wait()

    def started_again(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.starts += 1
        self.killed = False
        self._set_fault(None)

    def _apply(self, fault: ActiveFault) -> None:
        self._set_fault(fault)
        self._signal(signal.SIGSTOP if fault.kind is BotFaultKind.FROZEN else signal.SIGKILL)

    def _set_fault(self, fault: ActiveFault | None) -> None:
        """Replaces the fault before, and its timer."""
        if self._fixing is not None:
            self._fixing.cancel()
        self._fixing = None
        self._fault = fault
        if fault is not None and fault.seconds is not None:
            self._fixing = asyncio.get_running_loop().call_later(fault.seconds, self.fix)
        if fault is not None and fault.kind is BotFaultKind.KILLED:
            self._well.clear()
        else:
            self._well.set()
        self.on_change()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it has ended
            self.process.send_signal(number)


def _ending(code: int) -> str:
    """`exit 2`, or `kill -9`."""
    return f"exit {code}" if code >= 0 else f"kill -{-code}"
