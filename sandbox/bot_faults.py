"""What can happen to the bot itself: its process stands still or dies, its wall clock is put forward or back."""

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
    """SIGSTOP for `seconds`: as when a machine is overloaded or moved. Its monotonic clock runs on meanwhile."""
    KILLED = "killed"
    """SIGKILL; it stays down for `seconds`, or until it is fixed."""


class ClockFaultKind(StrEnum):
    OFF = "off"
    """The bot's wall clock is `seconds` ahead, or behind where they are below 0. Everybody else's stays right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    kind: BotFaultKind | ClockFaultKind
    seconds: float | None


class BotProcess:
    """The bot's process as far as trouble with it goes.

    Who started it, with these hands, starts it again when it has ended (`ended`, `fixed`, `started_again`).
    """

    def __init__(self, process: asyncio.subprocess.Process, clock_offset: ClockOffset) -> None:
        self.process = process
        self.clock_offset = clock_offset
        self.starts = 1
        self.last_end: str | None = None
        """How it ended the last time, in words."""
        self.killed = False
        """By this fault, and not started again yet."""
        self.on_change: Callable[[], None] = lambda: None
        self._trouble: InForce | None = None
        self._fixing: asyncio.TimerHandle | None = None
        self._well = asyncio.Event()
        self._well.set()

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    def in_force(self) -> list[InForce]:
        ahead = self.clock_offset.seconds
        return [
            *([self._trouble] if self._trouble is not None else []),
            *([InForce(kind=ClockFaultKind.OFF, seconds=ahead)] if ahead else []),
        ]

    def freeze(self, seconds: float | None = None) -> None:
        self._strike(InForce(kind=BotFaultKind.FROZEN, seconds=FROZEN_SECONDS if seconds is None else seconds))

    def kill(self, seconds: float | None = None) -> None:
        self.killed = True
        self._strike(InForce(kind=BotFaultKind.KILLED, seconds=seconds))

    def fix(self) -> None:
        """Lets it go on where it is frozen, and be started again where it is killed."""
        self._set_trouble(None)
        self._signal(signal.SIGCONT)

    def set_clock(self, seconds: float) -> None:
        """So many seconds ahead of the right time; 0 puts it right."""
        self.clock_offset.turn_to(seconds)
        self.on_change()

    async def ended(self) -> None:
        """Waits until the process is no more, whoever ended it."""
        self.last_end = _ending(await self.process.wait())
        self.on_change()

    async def fixed(self) -> None:
        """Waits until it may live."""
        await self._well.wait()

    def started_again(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.starts += 1
        self.killed = False
        self._set_trouble(None)

    def _strike(self, trouble: InForce) -> None:
        self._set_trouble(trouble)
        self._signal(signal.SIGSTOP if trouble.kind is BotFaultKind.FROZEN else signal.SIGKILL)

    def _set_trouble(self, trouble: InForce | None) -> None:
        """In the place of what was before, with its end."""
        if self._fixing is not None:
            self._fixing.cancel()
        self._fixing = None
        self._trouble = trouble
        if trouble is not None and trouble.seconds is not None:
            self._fixing = asyncio.get_running_loop().call_later(trouble.seconds, self.fix)
        if trouble is not None and trouble.kind is BotFaultKind.KILLED:
            self._well.clear()
        else:
            self._well.set()
        self.on_change()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it has ended
            self.process.send_signal(number)


def _ending(code: int) -> str:
    """As a person says it."""
    return f"exit {code}" if code >= 0 else f"kill -{-code}"
