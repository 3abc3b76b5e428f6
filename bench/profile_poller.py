"""Where the CPU of the poller goes at full load, by py-spy.

    python -m bench.profile_poller [--pipelines 2000] [--seconds 20] [--raw FILE]

It needs py-spy (`pip install py-spy`). A share is that of the samples in which the process did not wait for an event.
`--raw` keeps the collapsed stacks, for a flame graph.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench import machine
from bench.bot_process import paced, running_bot, watch_everything
from bench.fleet import fleet
from bench.polling import PERIOD, PIPELINES

SAMPLES_PER_SECOND = 250
MOST_ROWS = 25
WAITING = "select (selectors.py"
"""py-spy counts this call as running for a while after it began to wait."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Samples by function, as `name (file)`."""

    total: int
    own: Counter[str]
    """The function itself was running."""
    with_callees: Counter[str]
    """The function, or one that it called, was running."""

    @property
    def by_package(self) -> Counter[str]:
        """The own samples, by library; the bot's by package."""
        packages: Counter[str] = Counter()
        for name, count in self.own.items():
            parts = name.rpartition("(")[2].rstrip(")").split("/")
            packages["/".join(parts[:2]) if parts[0] == "bot" else parts[0]] += count
        return packages

    def table(self, title: str) -> Table:
        table = Table("share", "of all samples in …", title=title)
        ours = Counter({name: count for name, count in self.with_callees.items() if "(bot/" in name})
        for heading, counts in (
            ("a package or library", self.by_package),
            ("a function of the bot, with what it calls", ours),
            ("a function itself", self.own),
        ):
            table.add_section()
            table.add_row("", f"[bold]{heading}")
            for name, count in counts.most_common(MOST_ROWS):
                table.add_row(f"{count / self.total:.1%}", escape(name))
        return table


def parsed(stacks: Iterable[str]) -> Profile:
    """Takes collapsed stacks: `outer (file:line);inner (file:line) COUNT`."""
    own: Counter[str] = Counter()
    with_callees: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if WAITING in stack.rpartition(";")[2]:
            continue
        names = [frame.rpartition(":")[0] + ")" for frame in stack.split(";")]
        own[names[-1]] += int(count)
        for name in set(names):
            with_callees[name] += int(count)
    return Profile(own.total(), own, with_callees)


async def record(pid: int, seconds: float, raw: Path) -> Profile:
    """Samples a process with py-spy and keeps the stacks in `raw`.

    Raises:
        RuntimeError: py-spy is not installed, or may not read the process.
    """
    program = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    if program is None:
        raise RuntimeError("py-spy is not installed: pip install py-spy")
    options = ("--format", "raw", "--rate", str(SAMPLES_PER_SECOND), "--duration", f"{seconds:.0f}")
    process = await asyncio.create_subprocess_exec(
        program,
        "record",
        "--pid",
        str(pid),
        *options,
        "--output",
        str(raw),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await process.communicate()
    if process.returncode:
        raise RuntimeError(complaint.decode())
    return parsed((await asyncio.to_thread(raw.read_text)).splitlines())


async def profile(pipelines: int, seconds: float, raw: Path, out: Console) -> None:
    async with fleet(pipelines) as served, running_bot(served, paced(pipelines, PERIOD)) as bot:
        await watch_everything(bot)
        for _ in range(2):  # the first reads write their states
            await served.until_read(pipelines)
        await served.begin()
        before = machine.cost(bot.pid).cpu_seconds
        found = await record(bot.pid, seconds, raw)
        used = machine.cost(bot.pid).cpu_seconds - before
        reads = await served.report()
    title = f"{reads.per_second:.0f} reads/s, {1e6 * used / reads.reads:.0f} µs of CPU each, load {machine.load():.1f}"
    out.print(found.table(title))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, default=PIPELINES, help="each read every 5 s")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--raw", type=Path, help="where to keep the stacks")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        raw = given.raw or Path(scratch) / "stacks"
        asyncio.run(profile(given.pipelines, given.seconds, raw, Console(width=140)))


if __name__ == "__main__":
    main()
