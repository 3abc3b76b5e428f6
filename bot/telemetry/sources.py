"""Where metrics and probes get their current values. The parts of this process enter themselves here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.ports.figures import ApiProblem, BudgetFigures, OutboxFigures, PollingFigures


@dataclass(slots=True, kw_only=True)
class Sources:
    """One function for each value. None: this process has no such part, or has not built it yet."""

    store_problem: Callable[[], Awaitable[str | None]] | None = None
    """Asks the store for a sign of life. Returns the problem, or None."""
    heartbeat_age: Callable[[], float | None] | None = None
    """Seconds since a bot last recorded that it polls. None: never."""
    is_leader: Callable[[], bool] | None = None
    is_sending: Callable[[], bool] | None = None
    """True while this process is the active sender."""
    polling: Callable[[], PollingFigures | None] | None = None
    """None while another bot leads."""
    api_problem: Callable[[], ApiProblem | None] | None = None
    """None while another bot leads, or while GoldRush can be read."""
    budget: Callable[[], BudgetFigures] | None = None
    outbox: Callable[[], Awaitable[OutboxFigures]] | None = None
    hears_slack: Callable[[], bool] | None = None
    """False: no Socket Mode connection is open, or HTTP mode does not listen."""
    suspended_channels: Callable[[], int] | None = None
    """How many channels of the workspace take no messages."""
    roles_problem: Callable[[], str | None] | None = None
    """The roles that no process of the workspace plays. None: each is played."""
    reader_problem: Callable[[], str | None] | None = None
    """Why this process, a reader, gets no reads. None: it gets them."""
    watchdog_age: Callable[[], float] | None = None
    """Seconds since the watchdog of the periodic jobs last ran; the longest, if the process has several."""

    def add_watchdog(self, age: Callable[[], float]) -> None:
        other = self.watchdog_age
        self.watchdog_age = age if other is None else lambda: max(age(), other())
