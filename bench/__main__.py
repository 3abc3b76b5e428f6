"""Measures all experiments and prints one table.

    python -m bench [--quick] [--only NAME …] [--json FILE] [--busy N]

Every row compares the bot with a peer or a limit, measured in the same run. The experiments take turns, so that each
of their rounds sees another load of the machine; the table shows the median round. An experiment is a module of this
package with an `EXPERIMENT`.
"""

import argparse
import asyncio
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from time import gmtime, monotonic, strftime

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import bench
from bench import machine, table
from bench.experiment import Absent, Experiment, Results, Run
from bench.table import Line

RESULTS = Path(__file__).parent / "results"
FILE_WIDTH = 200
"""Columns of a table that no terminal shows."""


def experiments() -> list[Experiment]:
    """All experiments, in the order of their rows' labels."""
    modules = [importlib.import_module(f"bench.{found.name}") for found in pkgutil.iter_modules(bench.__path__)]
    found = [module.EXPERIMENT for module in modules if hasattr(module, "EXPERIMENT")]
    return sorted(found, key=lambda experiment: (experiment.rows[0].label, experiment.name))


async def measured(chosen: Sequence[Experiment], *, quick: bool, lines: dict[str, Line], out: Console) -> None:
    """Fills `lines`. One round is enough for a quick run."""
    steps = [
        (number, experiment)
        for number in range(1 if quick else max(experiment.rounds for experiment in chosen))
        for experiment in chosen
        if number < experiment.rounds
    ]
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=out) as progress:
        bar = progress.add_task("", total=len(steps))
        for number, experiment in steps:
            name = f"{experiment.name}, round {number + 1}"
            progress.update(bar, description=name)
            run = Run(quick=quick, tell=lambda text, name=name: progress.update(bar, description=f"{name}: {text}"))  # type: ignore[misc]
            await _round(experiment, run, lines, out)
            progress.advance(bar)


async def _round(experiment: Experiment, run: Run, lines: dict[str, Line], out: Console) -> None:
    began = monotonic()
    try:
        results = await experiment.measure(run)
    except Exception as exc:  # noqa: BLE001 (one broken experiment must not lose the rows of the others)
        out.print_exception()
        for row in experiment.rows:
            lines[row.name].broken = f"{type(exc).__name__}: {exc}"
        return
    _keep(experiment, results, lines)
    out.print(f"{experiment.name}: {monotonic() - began:.0f} s", style="dim")


def _keep(experiment: Experiment, results: Results, lines: dict[str, Line]) -> None:
    for row in experiment.rows:
        line, result = lines[row.name], results.get(row.name, Absent("the experiment gave no result"))
        if isinstance(result, Absent):
            line.absent = result
        else:
            line.rounds.append(result)
            line.loads.append(machine.load())


def leave_out(skipped: Sequence[Experiment], lines: dict[str, Line]) -> None:
    for row in (row for experiment in skipped for row in experiment.rows):
        lines[row.name].absent = Absent("only in a full run")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round each, under two minutes in all")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="experiments, rows or labels, such as G1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: bench/results/TIME.json")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="processes that keep the machine busy")
    parser.add_argument("--list", action="store_true", help="list the experiments and their rows")
    given = parser.parse_args()
    out, log = Console(width=None if sys.stdout.isatty() else FILE_WIDTH), Console(stderr=True)
    try:
        found = experiments()
    except ModuleNotFoundError as exc:
        log.print(f"The bench needs the packages for development: {exc.name} is missing. `make bench` installs them.")
        return 2
    chosen = [experiment for experiment in found if not given.only or _is_chosen(experiment, given.only)]
    if given.list or not chosen:
        for experiment in chosen or found:
            out.print(experiment.name, *(f"{row.label} {row.name}" for row in experiment.rows), sep="\n  ")
        return 0 if given.list else 2
    began, started = strftime("%Y-%m-%dT%H-%M-%SZ", gmtime()), monotonic()
    lines = {row.name: Line(row) for experiment in chosen for row in experiment.rows}
    try:
        with machine.busy(given.busy):
            running = [experiment for experiment in chosen if experiment.in_quick or given.only or not given.quick]
            leave_out([experiment for experiment in chosen if experiment not in running], lines)
            asyncio.run(measured(running, quick=given.quick, lines=lines, out=log))
    finally:
        rows = list(lines.values())
        out.print(table.rendered(rows))
        file = given.json or RESULTS / f"{began}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        seconds = monotonic() - started
        file.write_text(
            table.encoded(table.document(rows, began=began, seconds=seconds, quick=given.quick, busy=given.busy))
        )
        log.print(f"{seconds:.0f} s, written to {file}", style="dim")
    return 1 if any(line.broken for line in rows) else 0


def _is_chosen(experiment: Experiment, names: Sequence[str]) -> bool:
    return experiment.name in names or any(row.name in names or row.label in names for row in experiment.rows)


if __name__ == "__main__":
    sys.exit(main())
