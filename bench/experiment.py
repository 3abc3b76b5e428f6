"""What a benchmark consists of: an experiment measures one or more rows of the table."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Sense(StrEnum):
    AT_MOST = "≤"
    AT_LEAST = "≥"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound on a row's ratio."""

    sense: Sense
    ratio: float

    def is_met(self, ratio: float) -> bool:
        return ratio <= self.ratio if self.sense is Sense.AT_MOST else ratio >= self.ratio


def at_most(ratio: float) -> Goal:
    return Goal(sense=Sense.AT_MOST, ratio=ratio)


def at_least(ratio: float) -> Goal:
    return Goal(sense=Sense.AT_LEAST, ratio=ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. Its ratio is the bot's value divided by that of `against`, measured in the same run."""

    name: str
    """Unique in the table, such as `read-cpu`."""
    label: str
    """The section of docs/performance.md and the order in the table, such as `G1`."""
    what: str
    against: str
    """The peer or the limit, such as `Prometheus + blackbox_exporter`."""
    goal: Goal | None = None
    """None: the row informs only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The result of one round. `value` and `peer` have the same `unit`."""

    value: float
    peer: float
    unit: str
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.value / self.peer if self.peer else float("inf")


@dataclass(frozen=True, slots=True)
class Absent:
    """The row can't be measured here, such as a peer that is not installed. `value` is the bot's own, if known."""

    reason: str
    value: float | None = None
    unit: str = ""


Results = Mapping[str, Measurement | Absent]
"""By the name of the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How to measure."""

    quick: bool
    """Fewer pipelines and shorter times: all experiments together take under two minutes."""
    tell: Callable[[str], None]
    """Shows the current step beside the progress bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Measures its rows together, since they share a setup. `measure` is one round; the table shows the median."""

    name: str
    rows: tuple[Row, ...]
    measure: Callable[[Run], Awaitable[Results]]
    rounds: int = 3
    """1 for what repeats exactly, such as a simulation with a seed, and for what chance in the setup dominates."""
    in_quick: bool = True
    """False: a quick run leaves it out unless `--only` names it, since all others together take under two minutes."""
