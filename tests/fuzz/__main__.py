"""Fuzzes every boundary, prints the results, and shows how to repeat a failure."""

import argparse
import asyncio
import sys
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.fuzz.boundaries import BOUNDARIES, Fuzz, shares
from tests.fuzz.tally import Tally

Seconds = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="in all; each boundary has its share")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    console = Console()
    tallies, seconds = _tried(chosen.inputs, chosen.seed, console)
    console.print(_table(tallies, seconds))
    if told_of_broken(tallies, console):
        console.print(f"\nAgain: python -m tests.fuzz --inputs {chosen.inputs} --seed {chosen.seed}", markup=False)
        return 1
    return 0


def told_of_broken(tallies: list[Tally], console: Console) -> bool:
    """Prints each broken rule with its first input. Returns whether any rule broke."""
    for tally in tallies:
        for rule, violation in tally.violations.items():
            console.print(f"\n[red]{tally.boundary}:[/] ", end="")
            console.print(f"{rule} ({violation.times} times), first by\n{violation.example}", markup=False)
    return any(tally.violations for tally in tallies)


def _tried(inputs: int, seed: int, console: Console) -> tuple[list[Tally], Seconds]:
    tallies: list[Tally] = []
    seconds: Seconds = {}
    columns = (TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        for boundary, share in shares(inputs).items():
            task = progress.add_task(boundary, total=share)
            tally = Tally(boundary, counted=lambda task=task: progress.advance(task))  # type: ignore[misc]  # bound now
            seconds[boundary] = _fuzzed(BOUNDARIES[boundary], share, seed, tally)
            tallies.append(tally)
    return tallies, seconds


def _fuzzed(fuzz: Fuzz, share: int, seed: int, tally: Tally) -> float:
    began = perf_counter()
    asyncio.run(fuzz(share, seed, tally))
    return perf_counter() - began


def _table(tallies: list[Tally], seconds: Seconds) -> Table:
    table = Table("boundary", *("tried", "accepted", "refused", "broken", "seconds"), title="What came in")
    for tally in tallies:
        broken = sum(violation.times for violation in tally.violations.values())
        numbers = (tally.tried, tally.accepted, tally.refused, broken, round(seconds[tally.boundary]))
        table.add_row(tally.boundary, *(f"{number:,}" for number in numbers))
    table.add_section()
    table.add_row("in all", f"{sum(tally.tried for tally in tallies):,}", "", "", "", f"{sum(seconds.values()):,.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
