"""No process outlives the test that started it, whatever ends the test: Ctrl-C, SIGTERM, kill -9."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bot.store.connect import connect, opened
from bot.store.embedded import embedded
from sandbox.child_processes import end_with_parent
from tests.builders import TEAM

SAMPLE = "tests/sandbox/starts_everything.py"
PATIENCE = 120.0

pytestmark = [pytest.mark.journey, pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")]


def descendants(mark: str) -> Iterator[int]:
    """Processes with this mark in their environment, arguments or working directory."""
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        with suppress(OSError):
            if (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            details = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if mark.encode() in details or mark in str((process / "cwd").readlink()):
                yield int(process.name)


async def until_none_is_left(mark: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while list(descendants(mark)):
            await asyncio.sleep(0.1)


def _heeds_ctrl_c() -> None:
    """A shell's background job ignores SIGINT, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def started(tmp_path: Path, workers: str) -> asyncio.subprocess.Process:
    """A pytest whose running test has started a process of each kind."""
    options = (
        "-n",
        workers,
        "--max-worker-restart",
        "0",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(tmp_path / "base"),
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", *options, SAMPLE),
        env=os.environ | {"OUTLIVES": str(tmp_path)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_heeds_ctrl_c,
    )
    end_with_parent(process.pid)
    async with asyncio.timeout(PATIENCE):
        while not list(tmp_path.glob("base/**/all-started")):
            assert process.returncode is None
            await asyncio.sleep(0.05)
    return process


@pytest.mark.parametrize("workers", ["0", "1"], ids=["alone", "in a worker"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_nothing_is_left_of_a_pytest_that_was_ended(tmp_path: Path, number: signal.Signals, workers: str) -> None:
    process = await started(tmp_path, workers)
    found = len(list(descendants(str(tmp_path))))
    process.send_signal(number)
    await until_none_is_left(str(tmp_path))
    await process.wait()
    assert found >= 7  # pytest and its watcher, a Valkey, the bot, and two stores, each with its keeper


async def test_nothing_is_left_of_a_killed_worker(tmp_path: Path) -> None:
    """Out of memory, the system may kill the watcher. Pytest continues without it."""
    process = await started(tmp_path, "1")
    (worker,) = (
        descendant
        for descendant in descendants(str(tmp_path))
        if _parent(descendant) == process.pid and _runs_a_worker(descendant)
    )
    os.kill(worker, signal.SIGKILL)
    await until_none_is_left(str(tmp_path))
    assert await process.wait() != 0


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _runs_a_worker(pid: int) -> bool:
    return b"exec(eval(" in Path(f"/proc/{pid}/cmdline").read_bytes()


KILLED = """
import asyncio, os, signal
from pathlib import Path
from bot.store.connect import opened
from tests.builders import TEAM

async def main():
    async with opened(None, Path(os.environ["OUTLIVES"]), TEAM) as client:
        await client.set("watch", "orders-eu")
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def killed(data_dir: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, env=os.environ | {"OUTLIVES": str(data_dir)}
    )
    end_with_parent(process.pid)
    assert await process.wait() == -signal.SIGKILL


async def test_the_store_of_a_killed_bot_stops_and_its_data_is_found_by_the_next(tmp_path: Path) -> None:
    await killed(tmp_path)
    await until_none_is_left(str(tmp_path))
    async with opened(None, tmp_path, TEAM) as client:
        assert await client.get("watch") == b"orders-eu"


async def test_the_embedded_store_survives_a_killed_predecessor(tmp_path: Path) -> None:
    for _ in range(5):
        await killed(tmp_path)
        async with embedded(tmp_path) as url:
            client = connect(url)
            for _ in range(20):
                assert await client.get("watch") == b"orders-eu"
                await asyncio.sleep(0.01)
            await client.aclose()
    await until_none_is_left(str(tmp_path))
