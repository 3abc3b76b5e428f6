"""What can happen to the bot itself: its process stands still, its wall clock is put forward or back."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from bot.sandbox.background import Background
from bot.sandbox.wall_clock import Hands

FROZEN_SECONDS = 10.0


class BotFaultKind(StrEnum):
    FROZEN = "frozen"
    """SIGSTOP for `seconds`: as when a machine is overloaded or moved. Its monotonic clock runs on meanwhile."""


class ClockFaultKind(StrEnum):
    OFF = "off"
    """The bot's wall clock is `seconds` ahead, or behind where they are below 0. Everybody else's stays right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    kind: BotFaultKind | ClockFaultKind
    seconds: float


class BotProcess:
    """The bot's process as far as trouble with it goes. Who started it, with these hands, ends it too."""

    def __init__(self, process: asyncio.subprocess.Process, hands: Hands) -> None:
        self._process = process
        self._hands = hands
        self._background = Background()
        self._frozen_for: float | None = None
        self.on_change: Callable[[], None] = lambda: None

    def in_force(self) -> list[InForce]:
        frozen = self._frozen_for
        ahead = self._hands.seconds
        return [
            *([InForce(kind=BotFaultKind.FROZEN, seconds=frozen)] if frozen is not None else []),
            *([InForce(kind=ClockFaultKind.OFF, seconds=ahead)] if ahead else []),
        ]

    def freeze(self, seconds: float | None = None) -> None:
        self._frozen_for = FROZEN_SECONDS if seconds is None else seconds
        self._signal(signal.SIGSTOP)
        self._background.start(self._thaw_after(self._frozen_for))
        self.on_change()

    def thaw(self) -> None:
        self._frozen_for = None
        self._signal(signal.SIGCONT)
        self.on_change()

    def set_clock(self, seconds: float) -> None:
        """So many seconds ahead of the right time; 0 puts it right."""
        self._hands.turn_to(seconds)
        self.on_change()

    async def close(self) -> None:
        """Nobody can say goodbye while frozen."""
        await self._background.close()
        self.thaw()

    async def _thaw_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.thaw()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it has ended
            self._process.send_signal(number)
