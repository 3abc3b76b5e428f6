"""Current figures of this process, for metrics and probes. Each is plain data, taken when somebody asks."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingFigures:
    """The polling of this process, which leads."""

    pipelines: int
    """How many pipelines it polls."""
    ages: Sequence[float]
    """Seconds since the last successful read, of each pipeline or of an even sample."""
    lateness: Sequence[float]
    """The same ages, each divided by the age that the bot promises. Above 1: older than promised."""
    unanswered_seconds: float = 0.0
    """How long readers in other processes have answered no read; 0 if they answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFigures:
    """The budget of requests to GoldRush. Rates are requests a second."""

    full_rate: float
    rate: float
    """Lower than the full rate for a while after a 429."""
    used: int
    """Requests taken since the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiProblem:
    """Why the leader, which is this process, can't read GoldRush."""

    text: str
    key_rejected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxFigures:
    """The messages that all bots of the workspace still owe."""

    due: int
    """Messages to receivers that take messages."""
    suspended: int
    """Messages that wait for suspended channels."""
    oldest_seconds: float
    """The age of the oldest due message; 0 if there is none."""
