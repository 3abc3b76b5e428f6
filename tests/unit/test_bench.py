"""The bench's own arithmetic, and that its experiments fit into one table."""

import io
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from rich.console import Console

from bench import polling, table
from bench.__main__ import experiments, leave_out, main, measured
from bench.experiment import Absent, Experiment, Goal, Measurement, Results, Row, Run, at_least, at_most
from bench.fleet import Fleet
from bench.observe import percentile
from bench.prometheus import PeerFailedError
from bench.table import Line


def row(name: str = "read", goal: Goal | None = None) -> Row:
    return Row(name=name, label="G1", what="CPU of a read", against="a peer", goal=goal)


def measurement(value: float, peer: float = 10.0) -> Measurement:
    return Measurement(value=value, peer=peer, unit="µs")


def line_of(*values: float, goal: Goal | None = None) -> Line:
    return Line(row(goal=goal), [measurement(value) for value in values], [0.5, 1.5])


def printed(*lines: Line) -> str:
    out = Console(file=io.StringIO(), width=200)
    out.print(table.rendered(lines))
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def rounds_of(*results: Results) -> Callable[[Run], Awaitable[Results]]:
    remaining = list(results)

    async def measure(_: Run) -> Results:
        return remaining.pop(0)

    return measure


async def test_a_prometheus_that_starts_too_slowly_is_absent_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def slow(*_: object) -> AsyncIterator[tuple[int, ...]]:
        raise PeerFailedError("Prometheus was not ready in time")
        yield ()

    monkeypatch.setattr(polling, "missing", lambda: None)
    monkeypatch.setattr(polling, "prometheus", slow)
    fleet = Fleet("http://127.0.0.1:9", 0, httpx.AsyncClient())
    assert await polling._by_prometheus(fleet, 1.0) == "Prometheus was not ready in time"


def test_the_round_with_the_median_ratio_counts() -> None:
    line = Line(row(), [measurement(5.0, 10.0), measurement(100.0, 1000.0), measurement(9.0, 10.0)], [1.0] * 3)
    assert line.median == measurement(5.0, 10.0)


def test_a_goal_bounds_the_ratio_in_its_sense() -> None:
    assert line_of(1.0, goal=at_most(0.1)).met is True
    assert line_of(1.1, goal=at_most(0.1)).met is False
    assert line_of(9.0, goal=at_least(1.0)).met is False
    assert line_of(10.0, goal=at_least(1.0)).met is True
    assert line_of(10.0).met is None


def test_the_table_shows_both_values_the_goal_and_the_load() -> None:
    shown = printed(line_of(1.0, goal=at_most(0.125)))
    assert all(part in shown for part in ("1 µs", "10 µs, a peer", "0.1", "≤ 0.125", "yes", "0.5…1.5"))


def test_an_absent_peer_says_why() -> None:
    line = Line(row(goal=at_most(0.1)), absent=Absent("prometheus is not installed", 240.0, "µs"))
    shown = printed(line)
    assert "absent: prometheus is not installed" in shown
    assert "240 µs" in shown
    assert line.met is None


def test_the_json_holds_every_round() -> None:
    given = table.document([line_of(1.0, 2.0, 3.0, goal=at_most(1.0))], began="now", seconds=1.0, quick=False, busy=2)
    parsed = json.loads(table.encoded(given))
    assert parsed["busy"] == 2
    assert [result["ratio"] for result in parsed["rows"][0]["rounds"]] == [0.1, 0.2, 0.3]
    assert parsed["rows"][0]["median"]["ratio"] == 0.2
    assert parsed["rows"][0]["met"] is True


async def test_a_broken_experiment_loses_no_row_of_another() -> None:
    async def breaks(_: Run) -> Results:
        raise ConnectionError("no server")

    works = Experiment(name="works", rows=(row("a"),), measure=rounds_of(*[{"a": measurement(1.0)}] * 3))
    broken = Experiment(name="broken", rows=(row("b"),), measure=breaks)
    lines = {name: Line(row(name)) for name in ("a", "b")}
    await measured([broken, works], quick=False, lines=lines, out=Console(file=io.StringIO()))
    assert len(lines["a"].rounds) == 3
    assert lines["b"].broken == "ConnectionError: no server"


async def test_a_quick_run_takes_one_round() -> None:
    experiment = Experiment(name="works", rows=(row("a"),), measure=rounds_of({"a": measurement(1.0)}))
    lines = {"a": Line(row("a"))}
    await measured([experiment], quick=True, lines=lines, out=Console(file=io.StringIO()))
    assert len(lines["a"].rounds) == 1


def test_each_row_has_a_name_of_its_own() -> None:
    names = Counter(row.name for experiment in experiments() for row in experiment.rows)
    assert [name for name, count in names.items() if count > 1] == []


def test_a_percentile_of_no_answers_is_infinite() -> None:
    assert percentile([], 0.95) == float("inf")
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 0.95) == 3.0


def test_a_row_that_a_quick_run_leaves_out_says_so() -> None:
    experiment = Experiment(name="long", rows=(row("a"),), measure=rounds_of(), in_quick=False)
    lines = {"a": Line(row("a"))}
    leave_out([experiment], lines)
    assert "absent: only in a full run" in printed(*lines.values())


def test_a_missing_package_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "bench.client", None)  # stands for a package that is not installed
    monkeypatch.setattr(sys, "argv", ["bench", "--list"])
    assert main() == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "bench.client is missing" in error
    assert "`make bench` installs them" in error
