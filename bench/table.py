"""Turns the rounds of all experiments into one table and one JSON document."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from statistics import median_low
from typing import TypedDict

from rich.table import Table

from bench.experiment import Absent, Measurement, Row

LIBRARIES = ("httpx", "redis", "slack-bolt", "pydantic")


@dataclass(slots=True)
class Line:
    """A row with the results of its rounds. `loads` are the machine's load averages at the end of each."""

    row: Row
    rounds: list[Measurement] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    absent: Absent | None = None
    broken: str | None = None

    @property
    def median(self) -> Measurement | None:
        """The round with the median ratio."""
        if not self.rounds:
            return None
        middle = median_low(result.ratio for result in self.rounds)
        return next(result for result in self.rounds if result.ratio == middle)

    @property
    def met(self) -> bool | None:
        """None: no goal, or no measurement."""
        median = self.median
        return self.row.goal.is_met(median.ratio) if self.row.goal and median else None


class Document(TypedDict):
    began: str
    seconds: float
    quick: bool
    busy: int
    machine: dict[str, object]
    rows: list[dict[str, object]]


def rendered(lines: Sequence[Line]) -> Table:
    table = Table("", "what", "bot", "against", "ratio", "goal", "met", "load", "note")
    for line in lines:
        table.add_row(*_cells(line))
    return table


def _cells(line: Line) -> tuple[str, ...]:
    row, median = line.row, line.median
    goal = f"{row.goal.sense} {_short(row.goal.ratio)}" if row.goal else "–"
    if median is None:
        absent = line.absent or Absent("not measured")
        value = f"{_short(absent.value)} {absent.unit}" if absent.value is not None else "–"
        reason = f"[red]broken: {line.broken}[/]" if line.broken else f"absent: {absent.reason}"
        return row.label, row.what, value, row.against, "–", goal, "–", "–", reason
    peer = f"{_short(median.peer)} {median.unit}, {row.against}"
    met = {True: "[green]yes[/]", False: "[red]no[/]", None: "–"}[line.met]
    loads = "…".join(dict.fromkeys(f"{load:.1f}" for load in (min(line.loads), max(line.loads))))
    return (
        row.label,
        row.what,
        f"{_short(median.value)} {median.unit}",
        peer,
        _short(median.ratio),
        goal,
        met,
        loads,
        median.note,
    )


def _short(number: float) -> str:
    """Three significant digits; whole from 100 on."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def document(lines: Sequence[Line], *, began: str, seconds: float, quick: bool, busy: int) -> Document:
    return Document(
        began=began,
        seconds=round(seconds, 1),
        quick=quick,
        busy=busy,
        machine={
            "cpus": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "libraries": {name: version(name) for name in LIBRARIES},
        },
        rows=[_as_json(line) for line in lines],
    )


def _as_json(line: Line) -> dict[str, object]:
    median = line.median
    return {
        **asdict(line.row),
        "median": _result(median) if median else None,
        "rounds": [_result(result) for result in line.rounds],
        "load": line.loads,
        "met": line.met,
        "absent": line.absent.reason if line.absent else None,
        "broken": line.broken,
    }


def _result(result: Measurement) -> dict[str, object]:
    return {**asdict(result), "ratio": result.ratio}


def encoded(given: Document) -> str:
    return json.dumps(given, ensure_ascii=False, indent=1) + "\n"
